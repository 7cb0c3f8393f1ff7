#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# In one guest: reports what sanity_test.py expects, and ends with exit code 7.
ibv_devinfo -d rxe0 | grep -E 'hca_id|PORT_ACTIVE|active_mtu|link_layer'

for other in rxe0 rxe1; do
  ibv_rc_pingpong -d rxe0 -g 1 -n 100 -c >/tmp/server 2>&1 &
  server=$!
  guest-listens 18515
  ibv_rc_pingpong -d "$other" -g 1 -n 100 -c 127.0.0.1 >/tmp/client 2>&1 && wait "$server" &&
    echo "pingpong: rxe0 and $other, 100 iterations, data valid" || cat /tmp/server /tmp/client
done

python3 - <<'END'
import os
import resource
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(create=True, size=1 << 20)
child = os.fork()
if child == 0:
    mine = shared_memory.SharedMemory(name=block.name)
    mine.buf[4096] = 42
    os._exit(5)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print("shared memory:", block.buf[4096], "exit code of the child:", code)
block.unlink()
print("locked memory:", resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY)
END

echo "from the guest" >"$SHARED/written"
echo "changed" >"$OUTSIDE"
echo "outside: $(<"$OUTSIDE")"
echo "environment: $GUEST of $GUESTS at $ADDRESS in $PWD, $WORDS"
echo "words: $# '$1' '$2'"
echo "to the error output" >&2
echo "by name" >/dev/stdout
sleep 1000 >/dev/null 2>&1 &
printf 'no newline'
exit 7
