#!/bin/sh
# backend.sh: backends that close, hang, lie and die.  What the client hears is
# as DESIGN section 6 says: trouble of the infrastructure is a 4xx, what the
# backend finally says about the message is passed on, and what was accepted
# is there.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

# STAGE ACTION REPLY STORED: the backend does ACTION at STAGE each time; the
# client hears REPLY (the start of it); the backend has the message or not.
# "?": it cannot know that its reply was lost, and the log says uncertain.
cat >"$tmp/cases" <<'END'
connect	close		451 4.4.1	no
connect	reset		451 4.4.1	no
connect	hang		451 4.4.1	no
banner	slow=100	250		yes
banner	450		451 4.		no
banner	554		451 4.		no
banner	421		451 4.		no
banner	garbage		451 4.		no
banner	long		451 4.		no
banner	multi		250		yes
banner	drop-reply	451 4.		no
banner	extra-reply	451 4.		no
banner	part		451 4.		no
ehlo	close		451 4.		no
ehlo	reset		451 4.		no
ehlo	hang		451 4.		no
ehlo	slow=100	250		yes
ehlo	450		451 4.		no
ehlo	550		451 4.		no
ehlo	421		451 4.		no
ehlo	garbage		451 4.		no
ehlo	drop-reply	451 4.		no
ehlo	extra-reply	451 4.		no
ehlo	part		451 4.		no
mail	close		451 4.		no
mail	reset		451 4.		no
mail	hang		451 4.		no
mail	slow=100	250		yes
mail	450		450 4.		no
mail	550		550 5.		no
mail	552		552 5.		no
mail	421		451 4.		no
mail	501		451 4.		no
mail	530		451 4.		no
mail	garbage		451 4.		no
mail	long		451 4.		no
mail	multi		250		yes
mail	drop-reply	451 4.		no
mail	extra-reply	451 4.		no
mail	part		451 4.		no
rcpt	close		451 4.		no
rcpt	reset		451 4.		no
rcpt	hang		451 4.		no
rcpt	slow=100	250		yes
rcpt	450		450 4.		no
rcpt	550		550 5.		no
rcpt	421		451 4.		no
rcpt	503		451 4.		no
rcpt	554:5.7.1_Relay_access_denied	451 4.	no
rcpt	554:5.7.1_we_do_not_like_you	554 5.7.1	no
rcpt	garbage		451 4.		no
rcpt	multi		250		yes
rcpt	drop-reply	451 4.		no
rcpt	extra-reply	451 4.		no
rcpt	part		451 4.		no
data	close		451 4.		no
data	reset		451 4.		no
data	hang		451 4.		no
data	slow=100	250		yes
data	450		450 4.		no
data	554		554 5.		no
data	421		451 4.		no
data	250		451 4.		no
data	garbage		451 4.		no
data	drop-reply	451 4.		no
data	extra-reply	451 4.		?
dot	close		451 4.		no?
dot	reset		451 4.		no?
dot	hang		451 4.		no?
dot	close-after	451 4.		?
dot	reset-after	451 4.		?
dot	hang-after	451 4.		?
dot	slow=100	250		yes
dot	450		450 4.		no
dot	550		550 5.		no
dot	552		552 5.		no
dot	421		451 4.		no
dot	garbage		451 4.		?
dot	long		451 4.		?
dot	multi		250		yes
dot	drop-reply	451 4.		?
dot	extra-reply	250		yes
dot	part		451 4.		?
END

# STAGE=ACTION with %3: every third time.  Retried until it is through.  "twice":
# it may be, for what the log calls uncertain.
cat >"$tmp/every" <<'END'
connect=close	once
banner=554	once
ehlo=reset	once
mail=close	once
mail=450	once
mail=drop-reply	once
mail=extra-reply	once
rcpt=reset	once
rcpt=421	once
rcpt=part	once
data=close	once
data=450	once
data=garbage	once
dot=close	once
dot=reset	once
dot=450	once
dot=421	once
dot=extra-reply	once
rset=close	once
quit=hang	once
dot=close-after	twice
dot=reset-after	twice
dot=garbage	twice
dot=part	twice
END

# --- the sinks, all at once --------------------------------------------------------

# start_sinks: one for each line of both tables; $tmp/KIND.N.port
start_sinks() {
	_i=0
	while read -r _stage _action _rest; do
		_i=$((_i + 1))
		run "case.$_i" "$SMTPSINK" --count --port-file "$tmp/case.$_i.port" \
		    --fail "$_stage=$(echo "$_action" | tr _ ' ')" 127.0.0.1:0
		echo "$pid" >"$tmp/case.$_i.pid"
	done <"$tmp/cases"
	cases=$_i
	_i=0
	while read -r _fault _rest; do
		_i=$((_i + 1))
		run "every.$_i" "$SMTPSINK" --count --port-file "$tmp/every.$_i.port" \
		    --received "$tmp/every.$_i.received" \
		    --fail "$_fault%3" 127.0.0.1:0
		echo "$pid" >"$tmp/every.$_i.pid"
	done <"$tmp/every"
	everies=$_i
}
ports_there() { [ "$(find "$tmp" -name '*.port' | awk 'END { print NR }')" -ge $((cases + everies)) ]; }
start_sinks
must wait_until 20 ports_there
must sink good --received "$tmp/good.received"
good_pid=$sink_pid good_port=$sink_port
dead_port=$(free_port)

# backend NAME PORT: with its route
backend() {
	cat <<-END
	backend $1 {
		protocol = smtp
		connect-timeout = 500ms
		reply-timeout = 500ms
		server one { address = "127.0.0.1:$2" }
	}
	route $1 { rcpt-domain = {"$1.example.org"}  backend = $1 }
	END
}
configuration() {
	cat <<-END
	hostname = "gw.example.org"
	workers  = 2
	limits { reply-deadline = 2s }
	listen mx { address = {"127.0.0.1:@PORT1@"} }
	backend two {
		protocol = smtp
		connect-timeout = 500ms
		server dead { address = "127.0.0.1:$dead_port" }
		server good { address = "127.0.0.1:$good_port" }
	}
	route two { rcpt-domain = {"two.example.org"}  backend = two }
	END
	backend good "$good_port"
	backend dead "$dead_port"
	for _f in "$tmp"/case.*.port "$tmp"/every.*.port; do
		_n=${_f##*/}
		_n=${_n%.port}
		backend "$(echo "$_n" | tr . -)" "$(cat "$_f")"
	done
}
configuration >"$tmp/configuration"
must gateway gw <"$tmp/configuration"

# --- each fault, always --------------------------------------------------------------

# The slow ones wait for time-outs: all cases are played at once.
one_case() {
	"$SMTPGEN" -n 1 --first "$1" --to "user@case-$1.example.org" \
	    --no-status-check "127.0.0.1:$port1" >"$tmp/case.$1.gen" 2>&1
}
pids=
i=0
while [ $i -lt "$cases" ]; do
	i=$((i + 1))
	one_case $i &
	pids="$pids $!"
done
for p in $pids; do wait "$p"; done

i=0
while read -r stage action reply stored; do
	# "451 4.4.1" is two words
	case $reply in
	250) ;;
	*) reply="$reply ${stored%%[[:blank:]]*}" stored=${stored##*[[:blank:]]} ;;
	esac
	i=$((i + 1))
	name="$stage=$action"
	rec=$(grep "event=mail.*to=user@case-$i\.example" "$gw_log" | tail -n 1)
	heard=$(key reply "$rec")
	[ -n "$heard" ] || [ "$(key result "$rec")" != accepted ] || heard=250
	sink_end "$(cat "$tmp/case.$i.pid")" "$tmp/case.$i.log"
	got=$(field messages "$sink_out") uncertain=no
	case $rec in *uncertain=yes*) uncertain=yes ;; esac
	case $heard in
	"$reply"*) good=yes ;;
	*) good=no ;;
	esac
	case "$stored/$got/$uncertain" in
	no/0/no | yes/1/no | no\?/0/yes | \?/[01]/yes) ;;
	*) good=no ;;
	esac
	if [ $good = yes ]; then
		ok "$name: ${heard%% [a-z]*}, stored: $stored"
	else
		not_ok "$name: $reply, stored: $stored" "heard: $heard
stored: $got, uncertain: $uncertain
$rec
$(cat "$tmp/case.$i.gen")"
	fi
done <"$tmp/cases"

# --- each fault, now and then, with a sender that tries again -------------------------

every_fault() {
	"$SMTPGEN" -n 24 -c 2 -m 4 --retry 20 --retry-delay 10 \
	    --acked "$tmp/every.$1.acked" --to "user@every-$1.example.org" \
	    --no-status-check "127.0.0.1:$port1" >"$tmp/every.$1.gen" 2>&1
}
pids=
i=0
while [ $i -lt "$everies" ]; do
	i=$((i + 1))
	every_fault $i &
	pids="$pids $!"
done
for p in $pids; do wait "$p"; done

i=0
while read -r fault times; do
	i=$((i + 1))
	out=$(grep '^gen ' "$tmp/every.$i.gen")
	sink_end "$(cat "$tmp/every.$i.pid")" "$tmp/every.$i.log"
	uncertain=$(grep -c "to=user@every-$i\.example.*uncertain=yes" "$gw_log")
	copies=$(twice "$tmp/every.$i.received")
	summary="acked $(field ok "$out"), not there $(missing_from \
	    "$tmp/every.$i.acked" "$tmp/every.$i.received")"
	equal "$fault every third time, tried again" "$summary" "acked 24, not there 0"
	if [ "$times" = once ]; then
		# A message that went in one write with its envelope may be
		# uncertain whatever reply is missing.
		at_most "$fault: nothing twice but what is uncertain" \
		    "$copies" "$uncertain"
	else
		# What a backend that says nothing has done nobody knows, the
		# journal neither: the retry of an uncertain end is a copy, and
		# its record says that it may be.
		at_most "$fault: at most what the log says may be is there twice" \
		    "$copies" "$(grep -c \
			"to=user@every-$i\.example.* again=" "$gw_log")"
		at_least "$fault: it is in the log as uncertain" "$uncertain" 1
	fi
done <"$tmp/every"

# --- no backend at all, and one of two ------------------------------------------------

gen -n 1 --to user@dead.example.org "127.0.0.1:$port1"
equal "nobody listens: 4xx" "$(field tempfail "$gen_out")" 1
matches "nobody listens: 451 4.4.1" \
    "$(grep 'event=mail.*to=user@dead' "$gw_log" | tail -n 1)" 'reply="451 4\.4\.1'
gen -n 20 -c 2 --to user@two.example.org "127.0.0.1:$port1"
equal "one of two servers is dead: the other one gets it all" \
    "$(field ok "$gen_out") $(field tempfail "$gen_out")" "20 0"

# --- a backend that is killed and comes back ---------------------------------------------

run load "$SMTPGEN" -n 6000 -c 20 -m 10 --first 1001 --retry 200 --retry-delay 20 \
    --acked "$tmp/kill.acked" --to user@good.example.org "127.0.0.1:$port1"
load_pid=$pid
taken() { [ "$(awk 'END { print NR }' "$1" 2>/dev/null)" -ge "$2" ]; }
n=0
for n in 1 2 3; do
	wait_until 20 taken "$tmp/kill.acked" $((n * 1000)) ||
	    not_ok "kill -9 of the backend: load goes on" "$(cat "$tmp/load.log")"
	kill9 "$good_pid"
	must sink "good$n" --received "$tmp/good$n.received" "127.0.0.1:$good_port"
	good_pid=$sink_pid
done
wait "$load_pid"
forget "$load_pid"
out=$(grep '^gen ' "$tmp/load.log")
equal "kill -9 of the backend: all is accepted in the end" "$(field ok "$out")" 6000
equal "kill -9 of the backend: nothing accepted is missing" \
    "$(missing_from "$tmp/kill.acked" "$tmp"/good*.received)" 0
at_most "kill -9 of the backend: at most what the log says may be is there twice" \
    "$(cat "$tmp"/good*.received | awk '$1 > 1000' | twice -)" \
    "$(grep -c 'to=user@good.example.* again=' "$gw_log")"

# --- and the gateway goes on ----------------------------------------------------------------

gen -n 200 -c 10 -m 5 --first 20001 --to user@good.example.org "127.0.0.1:$port1"
equal "afterwards: 200 messages" "$(field ok "$gen_out")" 200
lacks "afterwards: no process has died" "$(cat "$gw_log")" ' died: '
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
