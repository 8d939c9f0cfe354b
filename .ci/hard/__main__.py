"Run the attacks: python .ci/hard [--quick] [words that a name holds]"
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from hard import attacks, tried  # noqa: E402


def main(words: list[str]) -> int:
    "Run the attacks that `words` ask for, and count"
    quick, asked = "--quick" in words, [word for word in words if not word.startswith("-")]
    names = [name for name, attack in attacks().items()
             if (attack.quick or not quick) and all(word in name for word in asked)]
    failed, began = 0, time.monotonic()
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    spawn = multiprocessing.get_context("spawn")  # a process of its own, as a command has
    with ProcessPoolExecutor(min(4, os.cpu_count() or 1), spawn) as pool:
        for name, wrong in zip(names, pool.map(tried, names, chunksize=8)):
            if not wrong: continue
            failed += 1
            print(f"FAILED  {name}: {wrong}", flush=True)
    print(f"{len(names)} attacks, {failed} failed, {time.monotonic() - began:.0f} s")
    return failed > 0 or not names


if __name__ == "__main__": sys.exit(main(sys.argv[1:]))
