// The keyboard of the desk. Everything here only presses buttons and follows links that are on the page.
// It is loaded before the page is shown, so that no key is lost; a form that is sent before htmx is ready brings the next page whole.
'use strict'
const one = (what, within = document) => within.querySelector(what)
const all = (what, within = document) => [...within.querySelectorAll(what)].filter(o => o.offsetParent !== null)
const writing = o => o.matches('input, textarea, select')

function open(name) {
  const dialog = one('#' + name)
  if (!dialog || dialog.open) return
  dialog.showModal()
  const first = one('input[type=search]', dialog) || all('[data-item]', dialog)[0] || one('button', dialog)
  if (first && first.type === 'search') { first.value = ''; one('#hits').replaceChildren() }
  if (first) first.focus()
}

function step(list, by) {
  const items = all('[data-item]', list), at = items.indexOf(document.activeElement)
  const next = items[Math.max(0, Math.min(items.length - 1, at + by))]
  if (next) next.focus()
}

function twist(item, wanted) {  // opens or closes a branch of the tree, or goes up or down
  const node = item.closest('.node'), button = node && one('.twist', node)
  if (!button) return
  const isOpen = button.getAttribute('aria-expanded') === 'true'
  if (wanted !== isOpen && !button.classList.contains('none')) return button.click()
  const up = node.parentElement.parentElement.closest('li')
  if (wanted) step(node.closest('.tree'), 1)
  else if (up) one('[data-item]', up).focus()
}

document.addEventListener('keydown', event => {
  const target = event.target, key = event.key, list = target.closest('[data-list]')
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) {
    if (key === 'Enter' && target.id === 'note') { event.preventDefault(); one('#record').focus() }
    return
  }
  if (list && key === 'ArrowDown') { event.preventDefault(); return step(list, 1) }
  if (list && key === 'ArrowUp') { event.preventDefault(); return step(list, -1) }
  if (list && key === 'Enter' && target.type === 'search') {
    event.preventDefault()
    const first = all('[data-item]', list)[0]
    return first && first.click()
  }
  if (target.matches('[data-item]') && key === 'ArrowRight') { event.preventDefault(); return twist(target, true) }
  if (target.matches('[data-item]') && key === 'ArrowLeft') { event.preventDefault(); return twist(target, false) }
  if (key === 'Escape' && target.closest('dialog')) { event.preventDefault(); return target.closest('dialog').close() }
  if (key === 'Escape' && target.id === 'note') return one('#record').focus()
  if (writing(target) || one('dialog[open]') || !one('#desk')) return
  const pressed = one(`#desk [data-key="${CSS.escape(key.toLowerCase())}"]`)
  if (!pressed) return
  event.preventDefault()
  pressed.click()
})

document.addEventListener('click', event => {
  const target = event.target.closest('[data-open], [data-close], [data-focus], [data-choose], .twist')
  if (!target) return
  if (target.dataset.open) open(target.dataset.open)
  if (target.dataset.focus) one('#' + target.dataset.focus).focus()
  if ('close' in target.dataset) target.closest('dialog').close()
  if (target.dataset.choose) {
    const field = one('#other-code')
    target.closest('dialog').close()
    field.value = target.dataset.choose
    one('#choose-other').click()
  }
  if (target.classList.contains('twist')) {
    const isOpen = target.getAttribute('aria-expanded') === 'true'
    target.setAttribute('aria-expanded', String(!isOpen))
    const branch = one(':scope > ul', target.closest('li'))
    if (branch) branch.hidden = isOpen
  }
})

document.addEventListener('htmx:afterSwap', event => {
  if (event.detail.target.id === 'desk' && !one('dialog[open]')) { const record = one('#record'); if (record) record.focus({preventScroll: true}); window.scrollTo(0, 0) }
})
document.addEventListener('htmx:beforeSwap', event => {  // a page about an error is shown too
  if (event.detail.xhr.status >= 400 && event.detail.xhr.getResponseHeader('X-Fragment')) event.detail.shouldSwap = true
})
document.addEventListener('htmx:sendError', () => { const said = one('#offline'); if (said) said.hidden = false })
document.addEventListener('htmx:afterOnLoad', () => { const said = one('#offline'); if (said) said.hidden = true })
document.addEventListener('change', event => { if (event.target.matches('[data-submits]')) event.target.form.requestSubmit() })
document.addEventListener('DOMContentLoaded', () => { const record = one('#record'); if (record) record.focus({preventScroll: true}) })
