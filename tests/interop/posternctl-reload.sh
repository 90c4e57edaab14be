#!/bin/sh
# posternctl-reload.sh: who asks while the admin process is replaced gets an
# answer, and behind a reload it is that of the new configuration.

# shellcheck source=tests/support/peers.sh disable=SC2154
. "$(dirname "$0")/../support/peers.sh"

POSTERNCTL=$BUILD/posternctl
socket=$tmp/ctl/control.sock
must sink s1
must gateway gw <<END
hostname = "gw.example.org"
workers  = 1
admin { control = "$socket" }
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend store {
	protocol = smtp
	server a { address = "127.0.0.1:$sink_port" }
}
route store { rcpt-domain = {"example.org"}  backend = store }
END
ctl() { "$POSTERNCTL" -s "$socket" "$@"; }
# Of the master's children, those that serve the socket.
admins() {
	for k in $(kids "$gw_pid"); do
		case $(ps -o comm= -o args= -p "$k") in
		*postern*admin*) echo "$k" ;;
		esac
	done
}
one_admin() { [ "$(admins | wc -l)" -eq 1 ]; }
must wait_until 10 ctl status
if ! one_admin; then
	not_run posternctl-reload "ps does not show the names of processes"
	finish
fi

# --- who is taken while it ends -----------------------------------------------

# ended COMMAND: the answer to one who comes before TERM does, in $tmp/ended.log
ended() {
	old=$(admins)
	kill -STOP "$old"
	run ended "$POSTERNCTL" -s "$socket" "$@"
	ended_pid=$pid
	# It has sent its request when it sleeps; nobody takes it meanwhile.
	sleep 0.3
	kill -TERM "$old"
	kill -CONT "$old"
	code=0
	wait "$ended_pid" || code=$?
	forget "$ended_pid"
	must wait_until 10 gone_or_zombie "$old"
	must wait_until 10 one_admin
}
for command in backends status sessions "log info"; do
	# shellcheck disable=SC2086 # words
	ended $command
	equal "$command, as the admin process ends: exit code" "$code" 0
done

# --- straight behind a reload -------------------------------------------------

# An admin process that does not come to its end: nobody is told that the new
# configuration is in force as long as it could answer by the old one.
changed() { grep -c 'msg="the configuration is changed"' "$gw_log"; }
more_changed() { [ "$(changed)" -gt "$before" ]; }
wants() { grep -c 'posternctl wants a reload' "$gw_log"; }
more_wants() { [ "$(wants)" -gt "$wanted" ]; }
answered() { [ -s "$tmp/reload.code" ]; }
# reload_begins OLD NEW: another name of the server; the reload is made, but the
# admin process $old stands still
reload_begins() {
	rm -f "$tmp/reload.code"
	before=$(changed) wanted=$(wants)
	old=$(admins)
	sed "s/server $1/server $2/" "$gw_conf" >"$tmp/other.conf"
	cp "$tmp/other.conf" "$gw_conf"
	kill -STOP "$gw_pid"
	run reload sh -c "'$POSTERNCTL' -s '$socket' reload;
	    echo \$? >'$tmp/reload.code'"
	must wait_until 10 more_wants
	sleep 0.3
	kill -STOP "$old"
	kill -CONT "$gw_pid"
	must wait_until 10 more_changed
}
reload_begins a b
sleep 1
check "while the admin process of before is there, a reload is not done" \
    test ! -s "$tmp/reload.code"
kill -CONT "$old"
check "it is done when that is gone" wait_until 10 answered
equal "and it went well" "$(cat "$tmp/reload.code")" 0
matches "the next answer is by the new configuration" "$(ctl backends)" \
    '^store/b '

reload_begins b c
kill -HUP "$gw_pid"
check "one that hangs is not waited for very long" wait_until 15 answered
equal "the reload went well" "$(cat "$tmp/reload.code")" 0
matches "the next answer is by the newest configuration" "$(ctl backends)" \
    '^store/c '
check "and the one that hung is gone" wait_until 10 one_admin
twice_more() { [ "$(changed)" -ge $((before + 2)) ]; }
check "HUP meanwhile: it is read once more" wait_until 10 twice_more

# --- HUP while a reload fails -------------------------------------------------

cp "$gw_conf" "$tmp/good.conf"
trying() { [ "$(kids "$gw_pid" | wc -l)" -gt "$quiet" ]; }
for n in 1 2 3; do
	quiet=$(kids "$gw_pid" | wc -l) before=$(changed)
	echo nonsense >>"$gw_conf"
	kill -HUP "$gw_pid"
	wait_until 5 trying
	cp "$tmp/good.conf" "$gw_conf"
	kill -HUP "$gw_pid"
	check "HUP while another one fails is not lost ($n)" \
	    wait_until 30 more_changed
	wait_until 5 one_admin
done
finish
