#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# cluster_jobs.sh PROGRAM: in guest 0 of two: guest-rsh, and a program of two ranks, one in each guest, started by mpiexec.hydra.
program=$1
code=0
[[ $(guest-rsh guest1 'hostname; exit 9') == guest1 ]]
(($? == 0)) || { echo "guest-rsh: the output is missing"; code=1; }
guest-rsh -n guest1 'exit 9'
(($? == 9)) || { echo "guest-rsh: the exit code is missing"; code=1; }
[[ $(head -c 300000 /dev/zero | guest-rsh guest1 'wc -c') == 300000 ]] || { echo "guest-rsh: input is missing"; code=1; }

mpiexec.hydra -launcher rsh -launcher-exec guest-rsh -hosts guest0,guest1 -n 2 "$program" || { echo "the job failed"; code=1; }
exit "$code"
