"Run the attacks: python .ci/hard [--quick] [words that a name holds]"
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from hard import Attack  # noqa: E402

AREAS = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def tried(attack: Attack) -> str:
    "Run `attack`, and say what is wrong"
    with tempfile.TemporaryDirectory(prefix="hard-", ignore_cleanup_errors=True) as tmp:
        try: return attack.expect(attack.run(Path(tmp)))
        except Exception as e: return f"{type(e).__name__}: {e}"


def main(words: list[str]) -> int:
    "Run the attacks that `words` ask for, and count"
    attacks = [attack for area in AREAS for attack in import_module(f"hard.{area}").ATTACKS]
    if "--quick" in words: attacks = [attack for attack in attacks if attack.quick]
    asked = [word for word in words if not word.startswith("-")]
    attacks = [o for o in attacks if all(word in f"{o.area}: {o.name}" for word in asked)]
    failed, began = 0, time.monotonic()
    for attack in attacks:
        if wrong := tried(attack):
            failed += 1
            print(f"FAILED  {attack.area}: {attack.name}: {wrong}", flush=True)
    print(f"{len(attacks)} attacks, {failed} failed, {time.monotonic() - began:.0f} s")
    return failed > 0 or not attacks


if __name__ == "__main__": sys.exit(main(sys.argv[1:]))
