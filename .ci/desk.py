"""The desk as people use it: python .ci/desk.py [--model DIR] [--pictures DIR] [--both] [NAME ...]

Debian's Chromium, driven by Playwright, against a desk with a tiny model, or that in DIR. Prints
a line a test, and ends with 'N passed, N failed'. All tests run on SQLite; those in BOTH, or with
--both all that are run, on PostgreSQL too. --pictures writes the docs' pictures."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pandas as pd
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

root = Path(__file__).resolve().parent.parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
WAIT = 30_000  # milliseconds, on a machine that is busy
BOTH = ("keyboard", "coders")  # tests that run on PostgreSQL too
ROGUE = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'> bakery"
ROWS = [
    ("bakery", "Lyon"),
    ("growing of rice", "Milano"),
    ("school", "Gent"),
    ("house building", "Porto"),
    (ROGUE, "<b>Bonn</b>"),
    ("fish farm", ""),
    ("primary education", "Kraków"),
    ("road works", "Riga"),
    ("cattle", "Cork"),
    ("private lessons", "Graz"),
    ("roofing", "Brno"),
    ("vineyard", "Bordeaux"),
]


def tiny(folder: Path) -> Path:
    "Train a model of three sections that is small, and wrong often"
    from nace_clf.config import Config
    from nace_clf.parts.bundled import tiny_model
    from nace_clf.parts.sample import sample
    from nace_clf.parts.tables import read_table, write_table
    from nace_clf.save_load import fit

    rows = read_table(sample(folder)[0]).query("label in ['A', 'F', 'P'] and lang == 'en'")
    rows = rows.sample(300, random_state=42)
    cfg = Config(
        model_id=str(tiny_model(folder / "tiny", rows.text)),
        epochs=4,
        learn_rate=5e-3,
        max_seq_len=64,
        revision="2",
    )
    return fit(write_table(rows, folder / "train.csv"), folder / "model", cfg, progress=False)


@contextmanager
def desk(t: "Stage", users: Path | None = None):
    "Open a desk on a free port, in a thread of this process; give its address, and its database"
    from nace_clf.parts.desk_progress import Screens
    from nace_clf.parts.desk_store import Desk
    from nace_clf.parts.guards import LOOPBACK
    from nace_clf.tools.desk_server import Door, bind, log_to, make_app

    log = log_to(t.folder / "desk.sqlite")
    with Desk(t.db) as store, bind("127.0.0.1", 0) as port, log:
        office = replace(
            t.office,
            desk=store,
            door=Door(users, "ana"),
            slowed=type(t.office.slowed)(),
            coders={},
            screens=Screens(),
        )
        server = uvicorn.Server(
            uvicorn.Config(
                make_app(office, LOOPBACK),
                log_level="error",
                lifespan="off",
                access_log=False,
                timeout_graceful_shutdown=2,
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [port]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port.getsockname()[1]}", t.db
        finally:
            t.leave()  # a window that is open would ask a server that is gone
            server.should_exit = True
            thread.join()


def filled(db: str, name: str, rows, coders: int = 1, random: int = 0, column: str = "town"):
    "Put a project into a database"
    from nace_clf.parts.desk_records import NewProject, NewRecord
    from nace_clf.parts.desk_store import Desk

    about = NewProject(
        name, "register.csv", revision="2", level="section", columns=[column], coders=coders
    )
    with Desk(db) as store:
        return store.add_project(
            about,
            [
                NewRecord(
                    f"R-{i:03}",
                    i + 1,
                    text,
                    {column: value},
                    rank=i,
                    status="review",
                    audit_part="random" if i <= random else "",
                )
                for i, (text, value) in enumerate(rows, 1)
            ],
        )


def holding(db: str) -> list:
    "List the decisions that hold, of the first project"
    from nace_clf.parts.desk_store import Desk

    with Desk(db) as store:
        return store.standing(1)


class Visit:
    "A browser's window, and what went wrong in it"

    def __init__(self, browser, address: str, **about):
        about = {"viewport": {"width": 1280, "height": 860}, "locale": "en-GB"} | about
        self.context, self.address, self.faults = browser.new_context(**about), address, []
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.page.on("pageerror", lambda e: self.faults.append(str(e)))
        self.page.on("console", self._note)

    def _note(self, message):
        "Keep an error of the console, but for requests that a new page has ended"
        if message.type == "error" and not message.text.startswith("htmx:"):
            self.faults.append(message.text)

    def to(self, path: str):
        self.page.goto(self.address + path)

    def record(self) -> str:
        return self.page.locator("#record .mono").first.inner_text()

    def press(self, *keys: str):
        "Press keys, once the page has its scripts"
        self.page.wait_for_load_state()
        [self.page.keyboard.press(key) for key in keys]

    def decide(self, *keys: str):
        "Press keys that decide, and wait for the next record"
        old = self.page.locator("input[name=key]").input_value()
        self.press(*keys)
        self.page.wait_for_function(
            "old => document.querySelector('input[name=key]')?.value !== old", arg=old
        )
        self.page.wait_for_selector("input[name=key]", state="attached")

    def login(self, token: str):
        self.to("/")
        self.page.fill("#token", token)
        self.press("Enter")
        self.page.wait_for_url(self.address + "/")


def get(address: str, data=None, **headers) -> tuple[int, str]:
    "Ask as a program does"
    body = None if data is None else json.dumps(data).encode()
    asked = urllib.request.Request(
        address,
        body,
        {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()},
    )
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


# The tests


def test_keyboard(t):
    "A coder codes ten records from the keyboard alone, and each is in the database as decided"
    table = t.folder / "register.csv"
    pd.DataFrame(ROWS, columns=["text", "town"]).to_csv(table, index=False)
    with desk(t) as (address, db):
        v = t.visit(address)
        v.to("/")
        v.page.set_input_files("#file", table)
        v.page.fill("#name", "Register")
        v.press("Enter")
        v.page.wait_for_selector("text=0 / 12")
        v.page.get_by_role("link", name="Code", exact=True).focus()
        v.press("Enter")
        v.page.wait_for_selector("#record")
        assert v.page.locator(".choice").count() == 3
        v.page.evaluate("""() => { window.times = []; let start = 0
            document.addEventListener('keydown', e => { start = performance.now() }, true)
            document.addEventListener('htmx:afterSettle', e => {
                if (e.detail.elt.id === 'desk') times.push(performance.now() - start) }) }""")
        first = v.page.locator(".choice .code").first.inner_text()
        for _ in range(4):
            v.decide("1")
        v.decide("2")
        v.press("f")
        v.page.keyboard.type("bakrey")
        v.page.wait_for_selector(".hit")
        v.decide("ArrowDown", "Enter")
        v.press("t")
        v.page.wait_for_selector("dialog[open] .pick")
        v.press("ArrowRight")
        v.page.wait_for_selector(".tree ul .pick")
        v.decide("ArrowRight", "Enter")
        v.press("n")
        v.page.keyboard.type("which one?")
        v.press("Escape")
        v.decide("r")
        v.decide("u")
        v.decide("s")
        v.decide("1")
        v.decide("z")
        v.decide("1")
        found = holding(db)
        assert [d.kind for d in found] == ["code"] * 7 + ["return", "uncodable", "code"], found
        assert found[0].code == first and found[0].shown[0] == first and found[0].seconds > 0
        assert (found[5].code[:2], found[6].code, found[7].note) == ("10", "01", "which one?"), (
            found
        )
        v.press("?")
        expect(v.page.locator("#help")).to_be_visible()
        times = v.page.evaluate("window.times")
        print(
            f"        next record after {statistics.median(times):.0f} ms (median of {len(times)})"
        )
        assert statistics.median(times) < 1_000, times


def test_coders(t):
    "Two coders do not see each other, an arbiter decides what they disagree about"
    from nace_clf.tools.login import add_user

    users = t.folder / "users.yaml"
    tokens = {
        n: add_user(users, n, r) for n, r in (("ana", "coder"), ("bo", "coder"), ("cy", "arbiter"))
    }
    filled(t.db, "Audit", ROWS[:3], coders=2, random=3)
    with desk(t, users) as (address, db):
        who = {name: t.visit(address) for name in tokens}
        for name, token in tokens.items():
            who[name].login(token)
        for name, section in (("ana", "AFP"), ("bo", "AAP")):
            who[name].to("/p/1")
            assert who[name].page.locator(".choice").count() == 0  # random rows are coded blind
            for letter in section:
                who[name].press("f")
                who[name].page.keyboard.type(letter)
                who[name].page.wait_for_selector(f"#hits li:first-child .code:text-is('{letter}')")
                who[name].decide("ArrowDown", "Enter") if letter != section[-1] else who[
                    name
                ].press("ArrowDown", "Enter")
            who[name].page.wait_for_selector("text=Nothing is left")
        who["ana"].to("/p/1/conflicts")
        expect(who["ana"].page.get_by_role("heading", level=1)).to_have_text("Forbidden")
        cy = who["cy"]
        cy.to("/p/1/conflicts")
        assert cy.page.locator("tbody tr").count() == 1
        cy.page.get_by_role("link", name="Decide R-002").click()
        cy.page.wait_for_selector("text=Two coders disagree")
        cy.press("2")
        cy.page.wait_for_selector("text=Nothing is left")
        assert sorted(d.code for d in holding(db) if d.slot == 3) == ["A"]
        cy.to("/p/1/agreement")
        expect(cy.page.locator("table")).to_contain_text("section")
        for v in who.values():
            v.faults = [f for f in v.faults if "403" not in f]


def test_reload(t):
    "After a reload in the middle the same record is there, and what was decided stays"
    filled(t.db, "Register", ROWS)
    with desk(t) as (address, db):
        v = t.visit(address)
        v.to("/p/1")
        v.decide("1")
        here = v.record()
        v.page.reload()
        assert v.record() == here
        v.decide("2")
        assert len(holding(db)) == 2


def test_early(t):
    "A key counts as soon as the record can be seen, however late the scripts come"
    filled(t.db, "Register", ROWS)

    def late(route):
        time.sleep(0.5)
        route.continue_()

    with desk(t) as (address, db):
        v = t.visit(address)
        v.page.route("**/*.js", late)
        v.page.goto(address + "/p/1", wait_until="commit")
        v.page.wait_for_selector(".choice")
        v.page.keyboard.press("1")
        for _ in range(WAIT // 100):
            if holding(db):
                break
            v.page.wait_for_timeout(100)
        assert len(holding(db)) == 1


def test_offline(t):
    "A server that does not answer is told, and what is on the screen is kept until it does"
    filled(t.db, "Register", ROWS)
    with desk(t) as (address, db):
        v = t.visit(address)
        v.to("/p/1")
        v.decide("1")
        v.context.set_offline(True)
        v.press("1")
        expect(v.page.locator("#offline")).to_be_visible()
        v.context.set_offline(False)
        v.decide("1")
        assert len(holding(db)) == 2
        v.faults.clear()


def test_french(t):
    "The interface and the titles are French for who reads French, and English on demand"
    filled(t.db, "Registre", ROWS)
    with desk(t) as (address, db):
        v = t.visit(address, locale="fr-FR")
        v.to("/p/1")
        expect(v.page.locator("html")).to_have_attribute("lang", "fr")
        expect(v.page.locator("#choose")).to_have_text("Codes probables")
        assert {"Construction", "Enseignement"} & set(
            v.page.locator(".choice .title").all_inner_texts()
        )
        v.page.get_by_role("button", name="English").click()
        expect(v.page.locator("#choose")).to_have_text("Likely codes")


PAGES = (
    "/",
    "/p/1",
    "/codes",
    "/codes/2/10.71",
    "/codes?revision=2.1",
    "/try",
    "/p/1/conflicts",
    "/p/2/agreement",
    "/nothing",
)


def test_widths(t):
    "No page is wider than the screen, from 420 to 1,920 pixels"
    filled(t.db, "Register", ROWS)
    filled(t.db, "Audit", ROWS, coders=2)
    with desk(t) as (address, db):
        for width in (420, 768, 1920):
            v = t.visit(address, viewport={"width": width, "height": 800})
            for path in PAGES:
                v.to(path)
                wide = v.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{path} is {wide} wide at {width}"
            v.faults = [f for f in v.faults if "404" not in f]


def test_script(t):
    "A script in a text stays a text, everywhere"
    filled(t.db, ROGUE[:60], [(ROGUE, ROGUE)] * 2)
    with desk(t) as (address, db):
        v = t.visit(address)
        for path in ("/", "/p/1"):
            v.to(path)
        assert v.page.locator(".text").inner_text() == ROGUE
        v.page.wait_for_selector(".beside .card")
        v.press("n")
        v.page.keyboard.type(ROGUE)
        v.press("Escape")
        v.decide("1")
        v.page.wait_for_selector(".similar")
        v.to("/try")
        v.page.fill("#text", ROGUE)
        v.page.click("main button")
        v.page.wait_for_selector("#tried .words, #tried .big")
        v.to("/codes")
        v.page.fill("#q", ROGUE)
        v.page.wait_for_timeout(500)
        assert v.page.evaluate("window.hacked") is None
        said = urllib.request.urlopen(address + "/").headers["content-security-policy"]
        assert "script-src 'self'" in said and "unsafe" not in said, said


def test_axe(t):
    "axe-core finds nothing serious, light and dark"
    filled(t.db, "Register", ROWS, random=1)
    filled(t.db, "Audit", ROWS, coders=2)
    bad = []
    with desk(t) as (address, db):
        for scheme in ("light", "dark"):
            v = t.visit(address, color_scheme=scheme)
            for path in PAGES:
                v.to(path)
                if path == "/p/1":
                    v.decide("u")
                    v.page.wait_for_selector(".beside:not([hx-get])", state="attached")
                found = [Axe().run(v.page)]
                if path == "/p/1":
                    for key, what in (("f", "#search"), ("t", "#tree"), ("?", "#help")):
                        v.press(key)
                        v.page.wait_for_selector(f"{what}[open]")
                        found.append(Axe().run(v.page))
                        v.press("Escape")
                bad += [
                    f"{path} {scheme}: {o['id']} {o['nodes'][0]['html'][:120]}"
                    for one in found
                    for o in one.response["violations"]
                    if o["impact"] in ("serious", "critical")
                ]
            v.faults = [f for f in v.faults if "404" not in f]
    assert not bad, "\n".join(bad)


def test_doors(t):
    "Roles, wrong tokens, forged and foreign requests, names of other hosts"
    from nace_clf.tools.login import add_user

    users = t.folder / "users.yaml"
    coder, admin = add_user(users, "ana"), add_user(users, "root", "admin")
    filled(t.db, "Register", ROWS)
    with desk(t, users) as (address, db):
        bearer = {"Authorization": f"Bearer {coder}"}
        for path in ("records", "decisions", "export"):
            assert get(f"{address}/v1/projects/1/{path}")[0] == 401
            assert get(f"{address}/v1/projects/1/{path}", **bearer)[0] == 403
            assert (
                get(f"{address}/v1/projects/1/{path}", Authorization=f"Bearer {admin}")[0] == 200
            ), path
        assert get(f"{address}/metrics")[0] == 401 and get(f"{address}/healthz")[0] == 200
        assert get(f"{address}/v1/projects/1/next", {}, **bearer)[0] == 200
        assert (
            get(f"{address}/v1/projects/1/next", {}, Origin="https://evil.example", **bearer)[0]
            == 403
        )
        assert get(f"{address}/healthz", Host="evil.example")[0] == 421
        v = t.visit(address)
        v.login(coder)
        cookie = next(c for c in v.context.cookies() if c["name"] == "desk")
        assert cookie["httpOnly"] and cookie["sameSite"] == "Strict", cookie
        forged = v.context.request.post(
            f"{address}/p/1/decide", form={"record": "1", "kind": "skip"}
        )
        assert forged.status == 403, forged.status
        v.page.get_by_role("button", name="Sign out").click()
        for _ in range(2):
            v.page.fill("#token", "guess")
            # the alert of the try before says the same
            with v.page.expect_response(lambda r: r.request.method == "POST"): v.press("Enter")
            v.page.wait_for_selector("[role=alert]:has-text('not known')")
        assert get(f"{address}/v1/projects", Authorization="Bearer guess")[0] == 429
        v.faults.clear()
        log = (t.folder / "desk-access.log").read_text()
        assert "ana GET" in log and coder not in log and "guess" not in log, log


def test_api(t):
    "Nothing that fits or does not fit the OpenAPI ends in a fault of the server"
    filled(t.db, "Register", ROWS)
    with desk(t) as (address, db):
        t.office.index.result()
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                "run",
                address + "/openapi.json",
                "--checks",
                "not_a_server_error",
                "--max-examples",
                str(t.examples),
                "--seed",
                "1",
                "--request-timeout",
                "60",
                "--suppress-health-check",
                "all",
            ],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=t.folder,
        )
        assert done.returncode == 0, done.stdout[-4000:]


def test_pictures(t):
    "The pictures of the docs"
    filled(t.db, "Register 2026", t.rows(), column="language")
    filled(t.db, "Audit", t.rows()[:8], coders=2)
    with desk(t) as (address, db):
        v = t.visit(address, viewport={"width": 1180, "height": 700})
        v.to("/p/1")
        for _ in range(6):
            v.decide("1")
        v.page.wait_for_selector(".beside:not([hx-get])", state="attached")
        t.picture(v, "queue")
        v.press("f")
        v.page.keyboard.type("boulangrie")
        v.page.wait_for_selector(".hit")
        t.picture(v, "find")
        v.press("Escape")
        v.to("/")
        t.picture(v, "projects")
        v.to("/codes/2.1/10.71")
        t.picture(v, "codes")
        dark = t.visit(
            address, viewport={"width": 420, "height": 860}, color_scheme="dark", locale="fr-FR"
        )
        dark.to("/p/1")
        dark.page.wait_for_selector(".beside:not([hx-get])", state="attached")
        t.picture(dark, "narrow")


TESTS = {name[5:]: f for name, f in list(globals().items()) if name.startswith("test_")}


class Stage:
    "What a test needs: a model, a browser, and a folder and a database of its own"

    def __init__(self, browser, office, folder: Path, asked, db: str = ""):
        self.browser, self.office, self.folder, self.pictures = (
            browser,
            office,
            folder,
            asked.pictures,
        )
        self.examples, self.visits = asked.examples, []
        folder.mkdir()
        self.db = db or str(folder / "desk.sqlite")

    def visit(self, address: str, **about) -> Visit:
        self.visits.append(Visit(self.browser, address, **about))
        return self.visits[-1]

    def rows(self) -> list[tuple[str, str]]:
        "List 40 titles that the model may not decide, and their languages"
        from nace_clf.parts.sample import sample_rows

        some = sample_rows().query("lang in ['en', 'fr', 'es', 'nl']")
        some = some.sample(4_000, random_state=11)
        unsure = self.office.clf.decide(some.text.tolist()).status == "review"
        some = some[unsure.to_numpy()].head(40)
        return [(text, lang) for text, lang in zip(some.text, some.lang)]

    def picture(self, visit: Visit, name: str):
        path = (self.pictures or self.folder) / f"desk_{name}.png"
        visit.page.wait_for_timeout(300)
        visit.page.screenshot(path=path)

    def leave(self):
        "Close the windows that are open"
        for visit in self.visits:
            visit.context.close()

    def close(self) -> list[str]:
        self.leave()
        return [fault for visit in self.visits for fault in visit.faults]


def run(name: str, stage: Stage) -> str:
    "Run a test; say what is wrong"
    try:
        TESTS[name](stage)
    except Exception:
        return traceback.format_exc()
    faults = stage.close()
    return "in the browser's console: " + "; ".join(faults) if faults else ""


def main() -> int:
    "Run the tests that are named, or all"
    asking = argparse.ArgumentParser()
    asking.add_argument("names", nargs="*", choices=[[], *TESTS])
    asking.add_argument("--model", type=Path)
    asking.add_argument("--pictures", type=Path)
    asking.add_argument("--examples", type=int, default=5)
    asking.add_argument("--both", action="store_true")
    asked, results = asking.parse_args(), []
    asked.pictures = asked.pictures and asked.pictures.resolve()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        sys.exit("no chromium: apt-get install chromium")
    os.environ |= {"PYTHONPATH": str(root), "HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "passive"}
    sys.path.insert(0, str(root))
    folder = Path(tempfile.mkdtemp(prefix="desk_"))
    names = asked.names or list(TESTS)
    both = names if asked.both else [name for name in names if name in BOTH]
    try:
        from nace_clf.parts.desk_database import trial_databases
        from nace_clf.predict import Classifier
        from nace_clf.tools.desk_server import Door, open_office

        office = open_office(Classifier(asked.model or tiny(folder)), None, Door())
        databases = trial_databases() if both else nullcontext()
        with databases as fresh, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for name in names:
                for i, db in enumerate(fresh() if name in both else [""]):
                    stage = Stage(browser, office, folder / f"{name}{i}", asked, db)
                    results.append(told(name, stage))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return not all(results)


def told(name: str, stage: Stage) -> bool:
    "Run a test, print how it went, and tell whether it went well"
    start = time.perf_counter()
    said = run(name, stage)
    where = " (PostgreSQL)" if "://" in stage.db else ""
    took = f"{time.perf_counter() - start:5.0f} s"
    print(
        f"{'FAILED' if said else 'ok':8}{name:12}{took}  {TESTS[name].__doc__}{where}",
        said,
        sep="\n" if said else "",
        flush=True,
    )
    return not said


if __name__ == "__main__":
    sys.exit(main())
