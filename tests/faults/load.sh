#!/bin/sh
# load.sh: 20,000 numbered messages with none lost and none twice, SMTP and
# LMTP, one and many on a connection, pipelined and not; and connections to
# the backend are shared by many clients.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

must sink smtp
smtp_pid=$sink_pid smtp_log=$sink_log smtp_port=$sink_port
must sink lmtp --lmtp
lmtp_pid=$sink_pid lmtp_log=$sink_log lmtp_port=$sink_port

must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend smtp {
	protocol = smtp
	server one { address = "127.0.0.1:$smtp_port" }
}
backend lmtp {
	protocol = lmtp
	server one { address = "127.0.0.1:$lmtp_port" }
}
route smtp { rcpt-domain = {"smtp.example.org"}  backend = smtp }
route lmtp { rcpt-domain = {"lmtp.example.org"}  backend = lmtp }
END

# load NAME ARGS...: from number $next on
next=1
load() {
	_name=$1 _count=$2
	shift 2
	gen -n "$_count" --first $next "$@" "127.0.0.1:$port1"
	next=$((next + _count))
	equal "$_name: $_count accepted" \
	    "$(field ok "$gen_out") $(field lost "$gen_out") $(field proto "$gen_out") $(field tempfail "$gen_out")" \
	    "$_count 0 0 0"
}

# verdict NAME COUNT RECIPIENTS: of a sink, at its end
verdict() {
	equal "$1: messages, lost, duplicates" \
	    "$(field distinct "$sink_out") $(field lost "$sink_out") $(field duplicates "$sink_out")" \
	    "$2 0 0"
	equal "$1: recipients" "$(field recipients "$sink_out")" "$3"
	equal "$1: damaged, stray, foreign, empty, against the protocol" \
	    "$(field damaged "$sink_out") $(field stray "$sink_out") $(field foreign "$sink_out") $(field empty "$sink_out") $(field protocol "$sink_out")" \
	    "0 0 0 0 0"
}

s=user@smtp.example.org
load "SMTP, one per connection" 6000 -c 20 -m 1 --to $s
sink_now "$smtp_pid" "$smtp_log"
at_most "pool: 6000 sessions of clients, connections to the backend" \
    "$(field connections "$sink_out")" 40
load "SMTP, 100 per connection" 5000 -c 20 -m 100 --to $s
load "SMTP, one per connection, pipelined" 4000 -c 20 -m 1 -p --to $s
load "SMTP, 100 per connection, pipelined" 4000 -c 20 -m 100 -p --to $s
load "SMTP, dots, 64 KiB" 300 -c 10 -m 10 -s 64K --dots --to $s
load "SMTP, 2 MiB, by way of the spool" 20 -c 4 -m 5 -s 2M --to $s
load "SMTP, 10 recipients" 680 -c 10 -m 10 -p -r 10 --to $s
sink_end "$smtp_pid" "$smtp_log"
verdict SMTP 20000 $((20000 + 680 * 9))
at_most "pool: connections in all" "$(field connections "$sink_out")" 100
at_most "pool: connections at once" "$(field max_open "$sink_out")" 32

next=1
l=user@lmtp.example.org
load "LMTP, one per connection" 6000 -c 20 -m 1 --to $l
load "LMTP, 100 per connection" 6000 -c 20 -m 100 --to $l
load "LMTP, one per connection, pipelined" 4000 -c 20 -m 1 -p --to $l
load "LMTP, 100 per connection, pipelined" 3500 -c 20 -m 100 -p --to $l
load "LMTP, 10 recipients" 500 -c 10 -m 10 -r 10 --to $l
sink_end "$lmtp_pid" "$lmtp_log"
verdict LMTP 20000 $((20000 + 500 * 9))
at_most "pool: LMTP connections in all" "$(field connections "$sink_out")" 100

stop "$gw_pid"
equal "posternd ends well" "$code" 0
equal "and has nothing to complain of" \
    "$(grep 'level=\(warn\|error\)' "$gw_log" | grep -v 'runs as root')" ""
finish
