#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""ends.py TALLY PROGRAM: how jobs of mpi_ends end, and what they tell."""
import re
import subprocess
import sys

TALLY, PROGRAM = sys.argv[1:]
failures = 0


def run(how, ranks):
    command = [PROGRAM, how] if ranks == 0 else [TALLY, "run", "-n", str(ranks), "--", PROGRAM, how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def expect(how, ranks, code, *texts, absent=None):
    """texts: regular expressions, each with the number of times that it is to be found, or a range of it.

    The first rank that fails ends the others, which may or may not have come to say the same by then.
    """
    global failures
    got, output = run(how, ranks)
    wrong = []
    if got != code:
        wrong.append(f"exit code {got} in place of {code}")
    for text, times in texts:
        found = len(re.findall(text, output))
        allowed = times if isinstance(times, range) else range(times, times + 1)
        if found not in allowed:
            wrong.append(f"{found} times '{text}' in place of {allowed.start} to {allowed.stop - 1}")
    if absent is not None and re.search(absent, output):
        wrong.append(f"there is '{absent}'")
    if wrong:
        failures += 1
        print(f"FAILED {how} on {ranks} ranks: {'; '.join(wrong)}\n{output}")


for ranks in (0, 1, 3):  # 0: started by nobody, a job of one
    n = max(ranks, 1)
    some = range(1, n + 1)
    expect("before", ranks, 16, ("initialized 0", some), ("MPI_Comm_rank failed: MPI_ERR_OTHER.*called before MPI_Init", some))
    expect("behind", ranks, 16, ("finalized 1", range(n == 1, 2)), ("MPI_Barrier failed: MPI_ERR_OTHER.*called after MPI_Finalize", some))
    expect("delete", ranks, 0, ("deleted 2: initialized 1, finalized 0\ndeleted 1|deleted 2", n), ("finalized 1", 1))
    expect("leaks", ranks, 0, ("finalized 1", 1))
    expect("handler", ranks, 0, ("handler with class 1", n), ("code MPI_ERR_RANK", n))
    expect("abort", ranks, 17, (f"rank {n - 1} of {n} called MPI_Abort on communicator mine with code 17", 1),
           absent="MPI_Barrier")
    expect("abort0", ranks, 1, ("called MPI_Abort on communicator MPI_COMM_WORLD with code 0", 1), absent="MPI_Barrier")
    expect("fatal", ranks, 6, (f"rank 0 of {n}: MPI_Send on communicator MPI_COMM_WORLD failed: MPI_ERR_RANK: .*dest", 1),
           absent="MPI_Barrier")
    expect("twice", ranks, 16, ("MPI_Init failed: MPI_ERR_OTHER.*called a second time", some))
    expect("sessions", ranks, 0, ("initialized 0, sum right", 1))
    expect("cycles", ranks, 0, ("first: sum right", 1), ("second: sum right", 1), ("beside: sum right", 1),
           ("behind: sum right", 1), ("finalized 1", 1))
    expect("late", ranks, 0, ("behind: not served 1", n))
    expect("threads", ranks, 0, ("provided (multiple|less), 0 wrong", 1))
sys.exit(failures != 0)
