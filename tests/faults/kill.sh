#!/bin/sh
# kill.sh: a load while the backend is killed again and again (kill -9), by SMTP and
# LMTP, with one recipient and with five.  Nothing that was acknowledged is
# missing, and nobody has a copy but those of whom the log says that they may
# have one (again), because the backend died between the message and its reply.
#
# KILL_MESSAGES=100000 for all four together, KILL_EVERY=1 second; the usual 20,000
# and 0.2 are for CI.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

each=$((${KILL_MESSAGES:-20000} / 4))
# Each tenth reply to a message comes late, so that kills fall in between; and so
# that on a fast machine, too, the load does not end before the first of them: 5,000
# messages over 20 connections take a second at least.  KILL_LATE= : none does.
slow=${KILL_LATE-dot=slow=40%10}
must sink smtp.0 ${slow:+--fail "$slow"} --received "$tmp/smtp.0.received"
smtp_pid=$sink_pid smtp_port=$sink_port
must sink lmtp.0 --lmtp ${slow:+--fail "$slow"} --received "$tmp/lmtp.0.received"
lmtp_pid=$sink_pid lmtp_port=$sink_port

must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend smtp {
	protocol = smtp
	verify   = no
	server one { address = "127.0.0.1:$smtp_port" }
}
backend lmtp {
	protocol = lmtp
	verify   = no
	server one { address = "127.0.0.1:$lmtp_port" }
}
route smtp { rcpt-domain = {"smtp.example.org"}  backend = smtp }
route lmtp { rcpt-domain = {"lmtp.example.org"}  backend = lmtp }
END

# kill_one smtp|lmtp: and the next one at the same port
kills=0
kill_one() {
	kills=$((kills + 1))
	if [ "$1" = smtp ]; then
		kill9 "$smtp_pid"
		sink "smtp.$kills" ${slow:+--fail "$slow"} \
		    --received "$tmp/smtp.$kills.received" \
		    "127.0.0.1:$smtp_port" || return 1
		smtp_pid=$sink_pid
	else
		kill9 "$lmtp_pid"
		sink "lmtp.$kills" --lmtp ${slow:+--fail "$slow"} \
		    --received "$tmp/lmtp.$kills.received" \
		    "127.0.0.1:$lmtp_port" || return 1
		lmtp_pid=$sink_pid
	fi
}

# copies FILE...: recipients who have a message more than once, of $rcpts each
copies() {
	cat "$@" | awk -v from="$next" -v to="$((next + each))" -v r="$rcpts" '
	    $1 >= from && $1 < to { n[$1] += $2 }
	    END { for (i in n) if (n[i] > r) c += n[i] - r; print c + 0 }'
}
# again_of DOMAIN: recipients that the log says may have one
again_of() {
	awk -v d="@$1.example.org" '
	    index($0, "event=mail ") && index($0, d) &&
	    match($0, / again=[0-9]+/) {
		n += substr($0, RSTART + 7, RLENGTH - 7)
	    }
	    END { print n + 0 }' "$gw_log"
}

next=1
for case in "smtp 1" "lmtp 1" "smtp 5" "lmtp 5"; do
	proto=${case% *} rcpts=${case#* }
	name="$proto, $rcpts each"
	before=$(again_of "$proto") killed=$kills
	run load "$SMTPGEN" -n "$each" -c 20 -m 10 -p -r "$rcpts" \
	    --first "$next" --retry 2000 --retry-delay 20 \
	    --acked "$tmp/acked" --to "user@$proto.example.org" \
	    "127.0.0.1:$port1"
	load_pid=$pid
	# The first kill after a moment, however short the load is.
	sleep 0.3
	while ! gone_or_zombie "$load_pid"; do
		must kill_one "$proto"
		sleep "${KILL_EVERY:-0.2}"
	done
	wait "$load_pid"
	forget "$load_pid"
	out=$(grep '^gen ' "$tmp/load.log")
	equal "$name: all is accepted in the end" "$(field ok "$out")" "$each"
	at_least "$name: the backend was killed" $((kills - killed)) 1
	equal "$name: nothing acknowledged is missing" \
	    "$(missing_from "$tmp/acked" "$tmp/$proto".*.received)" 0
	n=$(copies "$tmp/$proto".*.received)
	at_most "$name: copies are explained" "$n" \
	    $(($(again_of "$proto") - before))
	echo "# $name: $each messages, $((kills - killed)) kills, $(field tempfail "$out") times 4xx, $(field lost "$out") lost, $n copies, $(($(again_of "$proto") - before)) explained"
	next=$((next + each))
done

lacks "no process of ours has died" "$(cat "$gw_log")" ' died: '
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
