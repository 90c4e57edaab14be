#!/bin/sh
# sendmail.sh: the sendmail command as a backend: a script that ends with every
# code of sysexits(3), hangs, dies and counts, then Postfix's own, privately.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need swaks

mkdir -m 1777 "$tmp/got"
cat >"$tmp/sendmail" <<'END'
#!/bin/sh
# Keeps its arguments and its input under the recipient's name; the local part
# says what to do.
dir=${0%/*}
for last; do :; done
user=${last%%@*}
printf '%s\n' "$@" >"$dir/got/$user.args"
cat >"$dir/got/$user.mail"
case $user in
exit*) echo "as told"; exit "${user#exit}" ;;
signal) kill -9 $$ ;;
hang) sleep 1000 ;;
loud) yes | head -c 300000 ;;
slow*)
	mkdir "$dir/got/run.$user"
	n=$(find "$dir/got" -name 'run.*' | awk 'END { print NR }')
	echo "$n" >>"$dir/got/running"
	sleep 0.2
	rmdir "$dir/got/run.$user" ;;
esac
exit 0
END
chmod 755 "$tmp/sendmail"

must gateway gw <<END
hostname = "gw.example.org"
workers  = 1
limits { reply-deadline = 20s }
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend local {
	protocol  = sendmail
	command   = "$tmp/sendmail"
	arguments = {"-C", "a b"}
	processes = 2
	timeout   = 2s
}
backend none { protocol = sendmail  command = "$tmp/not-there" }
route none  { rcpt-domain = {"none.example.org"}  backend = none }
route local { rcpt-domain = {"example.org"}  backend = local }
END

send() {
	swaks_to "$port1" --from "${from-me@example.net}" "$@"
	said=$(echo "$swaks_out" | grep '^<\*\* ' | tail -n 1)
	[ -n "$said" ] || said=$(echo "$swaks_out" | grep '^<-  250 .*\[' | tail -n 1)
	said=${said#<?? }
	said=${said# }
}

# told NAME REPLY ARGS...
told() {
	_name=$1 _reply=$2
	shift 2
	send "$@"
	matches "$_name" "$said" "^ *$_reply"
}

printf 'Subject: dots\r\n\r\none\r\n.\r\n..two\r\nend\r\n' >"$tmp/mail"
told "0 is 250" "250 2\.0\.0 handed over" --to user@example.org --data "@$tmp/mail"
equal "arguments, one by one" "$(tr '\n' '|' <"$tmp/got/user.args")" \
    "-C|a b|-i|-f|me@example.net|--|user@example.org|"
equal "the message, with its dots and without CR" \
    "$(sed '1,/^$/d' "$tmp/got/user.mail" | tr '\n' '|')" "one|.|..two|end||"
matches "and with our Received" "$(cat "$tmp/got/user.mail")" '^Received: '
from='<>' told "the null sender" "250 " --to bounce@example.org
equal "is <>" "$(sed -n 5p "$tmp/got/bounce.args")" "<>"
told "shell characters are nothing special" "250 " \
    --to "a\$b{c}\`d|e@example.org"

while read -r code reply; do
	told "exit code $code: $reply" "$reply" --to "exit$code@example.org"
done <<'END'
1	451 4\.3\.0
64	451 4\.3\.5
65	554 5\.6\.0
66	451 4\.3\.0
67	550 5\.1\.1
68	550 5\.1\.2
69	451 4\.3\.0
70	451 4\.3\.0
71	451 4\.3\.0
72	451 4\.3\.0
73	452 4\.3\.1
74	451 4\.3\.0
75	451 4\.3\.0
76	451 4\.3\.0
77	451 4\.3\.5
78	451 4\.3\.5
END
matches "the log has the code and what was said" "$(cat "$gw_log")" \
    'backend local: .* ended with code 67: as told'
# Whether those who are killed have queued it nobody knows.
record() { grep "event=mail .* to=$1@" "$gw_log"; }
told "an exit code is certain" "451 4\.3\.0" --to exit75@example.org
equal "and its record does not say uncertain" \
    "$(record exit75 | grep -c 'uncertain=')" 0
for how in signal hang exit137; do
	told "$how: killed" "451 4\.4\.1" --to "$how@example.org"
	matches "$how: uncertain" "$(record "$how")" ' uncertain=yes'
done
matches "and that is in the log" "$(cat "$gw_log")" 'took too long'
told "says very much" "250 " --to loud@example.org
told "is not there" "451 4\.3\.5" --to user@none.example.org

# Two recipients: each has its own end.
told "one of two does not exist: 4xx" "451 4\.5\.0" \
    --to user@example.org,exit67@example.org

# No more than two at once, and all of them in the end.
pids=
for i in 1 2 3 4 5 6; do
	swaks --server "127.0.0.1:$port1" --from me@example.net \
	    --to "slow$i@example.org" >"$tmp/slow.$i.out" 2>&1 &
	pids="$pids $!"
done
bad=0
for p in $pids; do wait "$p" || bad=$((bad + 1)); done
equal "six at once: all are accepted" "$bad" 0
at_most "and no more than two run at once" \
    "$(sort -n "$tmp/got/running" | tail -n 1)" 2
equal "nothing stays in the spool" \
    "$(find "$tmp/spool" -type f)" ""

# Another program after a reload.
mkdir "$tmp/new"
mkdir -m 1777 "$tmp/new/got"
cp "$tmp/sendmail" "$tmp/new/sendmail"
sed "s,$tmp/sendmail,$tmp/new/sendmail," "$gw_conf" >"$gw_conf.new"
cat "$gw_conf.new" >"$gw_conf"
kill -HUP "$gw_pid"
changed() { grep -q 'the configuration is changed' "$gw_log"; }
check "reload" wait_until 10 changed
again() { send --to user@example.org; [ -s "$tmp/new/got/user.args" ]; }
check "a reload changes the program" wait_until 10 again

stop "$gw_pid"
equal "posternd ends well" "$code" 0

# --- Postfix's own, into a queue of its own -------------------------------------------

# As root it takes another configuration, and another queue, which no daemon
# reads here: what is in it is looked at.
postfix_sendmail() {
	have postconf && have postcat && [ -x /usr/sbin/sendmail ] &&
	    [ "$(id -u)" -eq 0 ] && [ "${POSTERN_NAMESPACE:-}" != user ] &&
	    /usr/sbin/sendmail -h </dev/null 2>&1 | grep -qi 'postfix\|fatal: usage'
}
if postfix_sendmail; then
	mkdir -p "$tmp/pf" "$tmp/queue/maildrop" "$tmp/queue/public" \
	    "$tmp/queue/pid" "$tmp/data"
	chown -R postfix "$tmp/queue" "$tmp/data"
	chmod 777 "$tmp/queue/maildrop"
	chmod 755 "$tmp"
	cat >"$tmp/pf/main.cf" <<-END
		compatibility_level = 3.6
		queue_directory = $tmp/queue
		data_directory = $tmp/data
		myhostname = pf.example.org
		inet_interfaces = 127.0.0.1
	END
	: >"$tmp/pf/master.cf"
	user_line() { :; }
	must gateway pf <<-END
		hostname = "gw.example.org"
		workers  = 1
		listen mx { address = {"127.0.0.1:@PORT1@"} }
		backend local {
			protocol  = sendmail
			command   = "/usr/sbin/sendmail"
			arguments = {"-C", "$tmp/pf"}
		}
		route local { rcpt-domain = {"example.org"}  backend = local }
	END
	told "Postfix takes it" "250 2\.0\.0 handed over" --to user@example.org
	from='<>' told "Postfix takes a bounce" "250 " --to bounce@example.org
	queued=$(for f in "$tmp"/queue/maildrop/*; do
		postcat -c "$tmp/pf" -e "$f"
	done 2>&1)
	matches "and has the recipient" "$queued" 'recipient: user@example.org'
	matches "and the sender" "$queued" 'sender: me@example.net'
	matches "and the null sender" "$queued" 'sender: *$'
	stop "$gw_pid"
else
	not_run "Postfix's own sendmail" "missing: root, or Postfix"
fi
finish
