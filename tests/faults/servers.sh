#!/bin/sh
# servers.sh: backends with several servers, of which some are killed, hang,
# refuse or are drained while mail flows.  Nothing that was acknowledged is
# missing, and no client hears a 5xx.  What is known of a server survives
# reloads and the processes that found it out.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

for n in 1 2 3; do
	must sink "s$n" --received "$tmp/s$n.received"
	eval "s${n}_pid=\$sink_pid s${n}_port=\$sink_port"
done
must sink hang --fail connect=hang
hang_port=$sink_port
must sink full --fail banner=421
full_port=$sink_port full_pid=$sink_pid full_log=$sink_log
must sink spare --received "$tmp/spare.received"
spare_pid=$sink_pid spare_port=$sink_port spare_log=$sink_log

# configuration DRAIN: of the second server
configuration() {
	cat <<-END
	hostname = "gw.example.org"
	workers  = 2
	drain    = 2s
	log { to = stderr  level = debug }
	limits { reply-deadline = 5s }
	listen mx { address = {"127.0.0.1:@PORT1@"} }
	backend three {
		protocol = smtp
		connect-timeout = 500ms
		reply-timeout = 1s
		server s1 { address = "127.0.0.1:$s1_port" }
		server s2 { address = "127.0.0.1:$s2_port"  drain = $1 }
		server s3 { address = "127.0.0.1:$s3_port"  weight = 2 }
		check { interval = 200ms  timeout = 500ms  fall = 2  rise = 2 }
	}
	backend sick {
		protocol = smtp
		connect-timeout = 500ms
		reply-timeout = 500ms
		balance = round-robin
		server hang  { address = "127.0.0.1:$hang_port" }
		server full  { address = "127.0.0.1:$full_port" }
		server spare { address = "127.0.0.1:$spare_port"  backup = yes }
	}
	route three { rcpt-domain = {"example.org"}  backend = three }
	route sick  { rcpt-domain = {"sick.example.org"}  backend = sick }
	END
}
configuration no >"$tmp/configuration"
must gateway gw <"$tmp/configuration"

# reload DRAIN
changed() { [ "$(grep -c 'configuration is changed' "$gw_log")" -gt "$changes" ]; }
reload() {
	changes=$(grep -c 'configuration is changed' "$gw_log")
	{
		user_line
		echo "spool { directory = \"$tmp/spool\" }"
		configuration "$1" | sed "s/@PORT1@/$port1/
		    s/^limits {/& per-client = 0  rate = \"\" /"
	} >"$gw_conf"
	kill -HUP "$gw_pid"
	wait_until 10 changed
}
# said SERVER STATE: how often the log has it
said() { grep -c "event=server .*server=$1 state=$2" "$gw_log"; }
says() { [ "$(said "$1" "$2")" -ge "$3" ]; }
taken() { [ "$(awk 'END { print NR }' "$1" 2>/dev/null)" -ge "$2" ]; }
through() { awk 'END { print NR + 0 }' "$tmp/$1.received"; }

# --- one is killed and one is drained, in mid-load ------------------------------

run load "$SMTPGEN" -n 9000 -c 20 -m 10 --retry 100 --retry-delay 20 \
    --acked "$tmp/acked" "127.0.0.1:$port1"
load_pid=$pid
must wait_until 20 taken "$tmp/acked" 1500
kill9 "$s1_pid"
must wait_until 20 taken "$tmp/acked" 3500
check "a reload that drains one is taken" reload yes
# Old workers finish what they have with it.
must wait_until 20 taken "$tmp/acked" 5500
drained=$(through s2)
wait "$load_pid"
forget "$load_pid"
out=$(grep '^gen ' "$tmp/load.log")
equal "one killed, one drained: all is accepted in the end, no 5xx" \
    "$(field ok "$out") $(field permfail "$out")" "9000 0"
equal "one killed, one drained: nothing acknowledged is missing" \
    "$(missing_from "$tmp/acked" "$tmp"/s?.received)" 0
# What died with it had no answer; the client's retry is a copy.
at_most "one killed, one drained: at most what is uncertain is there twice" \
    "$(twice "$tmp"/s?.received)" "$(grep -c 'uncertain=yes' "$gw_log")"
check "the killed one is down" wait_until 10 says s1 down 1
at_least "the drained one had its part before" "$drained" 300
at_most "and nearly none behind" $(($(through s2) - drained)) 200
at_least "the third one had the rest" "$(through s3)" 2500

# --- marks and processes -----------------------------------------------------------

downs=$(said s1 down)
others() { grep -c 'trying another connection' "$gw_log"; }
check "a reload" reload yes
tried=$(others)
gen -n 50 -c 5 -m 5 --first 20001 "127.0.0.1:$port1"
equal "behind a reload mail flows" "$(field ok "$gen_out")" 50
equal "and it is known that it is down" "$(said s1 down)" "$downs"
equal "so nobody was sent there" "$(others)" "$tried"

three_kids() { [ "$(kids "$gw_pid" | awk 'END { print NR }')" -eq 3 ]; }
check "two workers and the admin process" wait_until 10 three_kids
# It is started behind the workers.
admin=$(kids "$gw_pid" | sort -n | tail -n 1)
kill -KILL "$admin"
check "the admin process is killed: it is logged" wait_until 10 \
    grep -q "level=error.*admin (pid $admin) died" "$gw_log"
check "and started again" wait_until 10 three_kids
must sink s1 --received "$tmp/s1b.received" "127.0.0.1:$s1_port"
s1_pid=$sink_pid
check "a server that comes back is up again" wait_until 10 says s1 up 1
gen -n 60 -c 6 -m 5 --first 30001 "127.0.0.1:$port1"
equal "and gets mail" "$(field ok "$gen_out") $(($(through s1b) > 0))" "60 1"

check "a reload that enables the drained one" reload no
had=$(through s2)
gen -n 60 -c 6 -m 5 --first 40001 "127.0.0.1:$port1"
equal "and it gets mail" \
    "$(field ok "$gen_out") $(($(through s2) > had))" "60 1"

# --- servers that hang and refuse; a backup ---------------------------------------------

gen -n 60 -c 6 -m 5 --retry 20 --retry-delay 50 --first 50001 \
    --acked "$tmp/sick.acked" --to user@sick.example.org "127.0.0.1:$port1"
equal "one hangs, one says 421: the backup gets all, no 5xx" \
    "$(field ok "$gen_out") $(field permfail "$gen_out")" "60 0"
equal "nothing acknowledged is missing" \
    "$(missing_from "$tmp/sick.acked" "$tmp/spare.received")" 0
check "the hanging one is down" says hang down 1
check "the refusing one is down" says full down 1
sink_now "$full_pid" "$full_log"
tried=$(field connections "$sink_out")
gen -n 300 -c 3 -m 100 --first 60001 --to user@sick.example.org "127.0.0.1:$port1"
sink_now "$full_pid" "$full_log"
at_most "while it is down, hardly anybody tries" \
    $(($(field connections "$sink_out") - tried)) 4

sink_end "$spare_pid" "$spare_log"
gen -n 6 -c 1 --first 70001 --to user@sick.example.org "127.0.0.1:$port1"
equal "no server is left: deferred" \
    "$(field tempfail "$gen_out") $(field permfail "$gen_out")" "6 0"
matches "451 4.4.1" "$(grep 'to=user@sick' "$gw_log" | tail -n 1)" \
    'reply="451 4\.4\.1'

# --- checks cost little ------------------------------------------------------------------

three_kids || wait_until 15 three_kids
admin=$(kids "$gw_pid" | sort -n | tail -n 1)
used=$(cpu_of "$admin")
# This is no synchronisation: two seconds are what is measured.
sleep 2
at_most "30 checks cost little of the processor (1/100 s)" \
    $(($(cpu_of "$admin") - used)) 10
lacks "no process but the admin has died" \
    "$(grep ' died: ' "$gw_log" | grep -v 'admin')" 'died'
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
