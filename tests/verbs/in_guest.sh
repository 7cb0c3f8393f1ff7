#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Jobs over soft-RoCE in one guest, all ranks on the network.
# in_guest.sh TALLY RANDOM_PROGRAM RING
set -u
tally=$1
random_program=$2
ring=$3
export TALLY_TRANSPORT=verbs TALLY_TIMEOUT=60
failed=0
check() {
  local name=$1
  shift
  if "$@" >"/tmp/$name.log" 2>&1; then
    echo "ok: $name"
  else
    echo "FAILED ($?): $name"
    tail -n 20 "/tmp/$name.log"
    failed=1
  fi
}

check info_tells_the_port bash -c "'$tally' info | grep -A3 'rxe0:1 active, Ethernet' | grep -q RoCEv2"
check ring "$tally" run -n 2 --engine verbs -- "$ring"

# What a rank sees over shared memory with engine soft it sees over RDMA.
same() {
  local seed=$1 rank
  TALLY_TRANSPORT=auto "$tally" run -n 2 --engine soft -- "$random_program" --seed "$seed" --max-bytes 200000 --out "/tmp/soft.$seed" &&
    "$tally" run -n 2 --engine verbs -- "$random_program" --seed "$seed" --max-bytes 200000 --out "/tmp/verbs.$seed" || return 1
  for rank in 0 1; do
    cmp "/tmp/soft.$seed.$rank" "/tmp/verbs.$seed.$rank" || return 1
  done
}
for seed in 1 2; do
  check "random_program_${seed}_is_as_over_shared_memory" same $seed
done

# A rank that dies ends the job: nobody waits for ever.
dies() {
  timeout 60 "$tally" run -n 2 --engine verbs -- bash -c \
    'if [ "$TALLY_RANK" = 1 ]; then "$@" & sleep 2; kill -9 $!; exit 9; else exec "$@"; fi' \
    rank "$random_program" --seed 3 --phases 1000000 --out /tmp/dies
  local code=$?
  [ $code -ne 0 ] && [ $code -ne 124 ]
}
check dead_rank_ends_the_job dies

TALLY_VERBS_DEVICE=mlx9 "$tally" run -n 2 --engine verbs -- "$ring" >/tmp/none.log 2>&1
check missing_device_is_named grep -q "TALLY_VERBS_DEVICE: no usable port 'mlx9'; this host has rxe0:1" /tmp/none.log
exit $failed
