#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# In two guests: messages by RDMA between them; then guest 1 panics while guest 0 hangs.
if ((GUEST == 0)); then
  ibv_rc_pingpong -d rxe0 -g 1 -m 4096 -n 50 -c &
  guest-listens 18515
  guest-barrier listening
  wait $! && echo "pingpong: ok"
  guest-barrier done
  sleep 1000
else
  guest-barrier listening
  ibv_rc_pingpong -d rxe0 -g 1 -m 4096 -n 50 -c guest0 && echo "pingpong: ok"
  guest-barrier done
  echo 1 >/proc/sys/kernel/sysrq
  echo c >/proc/sysrq-trigger
fi
