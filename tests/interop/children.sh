#!/bin/sh
# children.sh: the processes that the master starts: who they are, what a signal
# means to them, and that one that dies is replaced.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl

POSTERNCTL=$BUILD/posternctl
socket=$tmp/ctl/control.sock
mkdir -m 1777 "$tmp/boxes" "$tmp/logs"
log_file=$tmp/logs/postern.log
must sink sink
# shellcheck disable=SC2016 # a hash
echo 'alice:$6$rounds=5000$abcdefgh$xxxxxxxx' >"$tmp/users"
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
admin { control = "$socket" }
listen mx { address = {"127.0.0.1:@PORT1@"}  auth = people  auth-plaintext = yes }
auth-file people { users = {"file:$tmp/users"} }
backend store { protocol = smtp  server a { address = "127.0.0.1:$sink_port" } }
backend files { protocol = maildir  path = "$tmp/boxes/Maildir" }
route files { rcpt-domain = {"files.example.org"}  backend = files }
route store { rcpt-domain = {"example.org"}  backend = store }
END
# pids NAME: of those children of the master
pids() {
	ps -A -o pid= -o ppid= -o comm= | awk -v p="$gw_pid" -v n="$1" \
	    '$2 == p && ($3 == "postern-" n || $0 ~ "posternd: " n) { print $1 }'
}
count_of() { pids "$1" | awk 'END { print NR }'; }
has() { [ "$(count_of "$1")" -eq "$2" ]; }
checkers=$(getconf _NPROCESSORS_ONLN)
[ "$checkers" -le 8 ] || checkers=8
wait_until 5 has checker "$checkers"
if [ -z "$(pids worker)" ]; then
	not_run children "ps does not tell who is who"
	finish
fi
equal "two workers, one agent, one admin, checkers" \
    "$(count_of worker) $(count_of agent) $(count_of admin) $(count_of checker)" \
    "2 1 1 $checkers"
if [ -n "$(user_line)" ]; then
	for what in worker agent admin checker; do
		equal "$what: its user" "$(pids $what | while read -r p; do
			ps -o user= -p "$p"
		done | sort -u | tr -d ' ')" nobody
	done
fi

# --- what a child has open ------------------------------------------------------

# sockets PID: those that listen at the port of the gateway
listens() {
	port=$(printf ':%04X' "$port1")
	for inode in $(awk -v p="$port" '$2 ~ p "$" && $4 == "0A" { print $10 }' /proc/net/tcp); do
		find "/proc/$1/fd" -lname "socket:\[$inode\]"
	done | awk 'END { print NR }'
}
memory() {
	find "/proc/$1/fd" -lname '/memfd:*' | awk 'END { print NR }'
}
if [ -r /proc/net/tcp ] && [ "$(listens "$gw_pid")" = 1 ]; then
	for what in worker agent admin checker; do
		pid=$(pids $what | head -n 1)
		want=0
		[ $what != worker ] || want=1
		equal "$what: listening sockets" "$(listens "$pid")" "$want"
		equal "$what: no descriptor of shared memory" "$(memory "$pid")" 0
	done
else
	not_run "what a child has open" "no /proc"
fi

# --- signals ---------------------------------------------------------------------

for what in agent checker; do
	before=$(pids $what)
	for s in HUP INT TERM USR1 USR2; do
		# shellcheck disable=SC2046 # words
		kill -"$s" $(pids $what)
	done
	sleep 0.2
	equal "$what: no signal ends it while there are workers" \
	    "$(pids $what)" "$before"
done

# A log file: after a reload the agent has it, and USR1 opens it again.
{
	echo "log { to = file  path = \"$log_file\" }"
	cat "$gw_conf"
} >"$gw_conf.new"
mv "$gw_conf.new" "$gw_conf"
old=$(pids agent)
code=0
"$POSTERNCTL" -s "$socket" reload || code=$?
equal "a reload" "$code" 0
new_agent() { has agent 1 && [ "$(pids agent)" != "$old" ]; }
check "a reload brings a new agent, and the old one ends" wait_until 10 new_agent
mv "$log_file" "$log_file.1"
kill -USR1 "$gw_pid"
wait_until 10 test -e "$log_file"
chmod 0 "$tmp/boxes"
gen -n 1 --to u@files.example.org "127.0.0.1:$port1"
chmod 1777 "$tmp/boxes"
equal "a mailbox that can not be written: 4xx" "$(field tempfail "$gen_out")" 1
check "after USR1 the agent writes into the new log" \
    wait_until 5 grep -q 'agent: maildir' "$log_file"
lacks "and not into the old one" "$(cat "$log_file.1")" 'agent: maildir'

# --- death -----------------------------------------------------------------------

for what in agent admin checker worker; do
	wait_until 15 has worker 2
	n=$(count_of $what)
	victim=$(pids $what | head -n 1)
	kill -KILL "$victim"
	replaced() { has $what "$n" && ! pids $what | grep -qx "$victim"; }
	check "$what: a killed one is replaced" wait_until 5 replaced
	check "$what: and the log says that it died" wait_until 5 \
	    grep -q "$what.*(pid $victim) died: Killed" "$log_file"
done
number=100
works() {
	number=$((number + 10))
	gen -n 4 --first $number --to u@files.example.org "127.0.0.1:$port1"
	[ "$(field ok "$gen_out")" = 4 ]
}
check "mail goes on, by way of the new agent" wait_until 5 works

# One that keeps dying is started with pauses: 1/4 s, 1/2 s, 1 s and so on.
for what in agent worker; do
	sleep 2.2 # it is not young any more
	starts=0
	end=$(($(date +%s) + 3))
	while [ "$(date +%s)" -lt "$end" ]; do
		victim=$(pids $what | head -n 1)
		[ $what != worker ] || victim=$(pids worker | sort -n | tail -n 1)
		if [ -n "$victim" ] && { [ $what = agent ] ||
		    [ "$(count_of worker)" -eq 2 ]; }; then
			kill -KILL "$victim" && starts=$((starts + 1))
		fi
		sleep 0.01
	done
	at_least "$what: it keeps dying, and is started again" "$starts" 3
	at_most "$what: but not without pauses" "$starts" 7
	_n=1
	[ $what != worker ] || _n=2
	check "$what: in the end it is there" wait_until 15 has $what $_n
done
check "and mail goes on" wait_until 5 works

stop "$gw_pid"
equal "posternd ends well" "$code" 0
equal "nobody is left" "$(pids agent)$(pids checker)$(pids worker)" ""
finish
