#!/bin/sh
# privileges.sh: what each process may do, seen from outside, and mail through
# a worker in a chroot.  Only root has something to give up.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

if [ "$(id -u)" -ne 0 ] || [ "${POSTERN_NAMESPACE:-}" = user ]; then
	not_run privileges "this needs root"
	finish
fi
if [ ! -r /proc/self/status ]; then
	not_run privileges "no /proc to look at processes"
	finish
fi

# The jail is root's: nobody else may write to it.
jail=$tmp/jail
mkdir -p "$jail/spool"
chmod 755 "$jail"
chown nobody "$jail/spool"
sink to
gateway jailed <<END
hostname = mx.test
chroot = "$jail"
workers = 1
pid-file = "$tmp/pid"
log { to = stderr }
spool { directory = "/spool"  memory = 4K }
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend to { protocol = smtp  server a { address = "127.0.0.1:$sink_port" } }
backend files { protocol = maildir  path = "$tmp/Maildir" }
route files { rcpt-domain = {"files.test"}  backend = files }
route all { rcpt-domain = {"example.org"}  backend = to }
END
check "the configuration with a chroot is good" "$POSTERND" -n -f "$gw_conf"

of() { # PID KEY: of /proc/PID/status
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}
title() { ps -o comm= -p "$1"; }
worker='' agent=''
for kid in $(kids "$gw_pid"); do
	case $(title "$kid") in
	postern-worker) worker=$kid ;;
	postern-agent) agent=$kid ;;
	esac
done
uid=$(id -u nobody) gid=$(id -g nobody)
for pid in $worker $agent; do
	what=$(title "$pid")
	equal "$what: user" "$(of "$pid" Uid | tr -s '\t' ' ')" \
	    "$uid $uid $uid $uid"
	equal "$what: group" "$(of "$pid" Gid | tr -s '\t' ' ')" \
	    "$gid $gid $gid $gid"
	equal "$what: no groups of root's are left" \
	    "$(of "$pid" Groups | tr -d ' ')" "$gid"
	equal "$what: no capabilities" "$(of "$pid" CapEff)$(of "$pid" CapPrm)" \
	    "00000000000000000000000000000000"
	equal "$what: no new privileges" "$(of "$pid" NoNewPrivs)" 1
	lacks "$what: it can not write into the pid file" \
	    "$(ls -l "/proc/$pid/fd")" "$tmp/pid"
	equal "$what: no core files" \
	    "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$pid/limits")" \
	    "0 0"
done
equal "the worker lives in the chroot" "$(readlink "/proc/$worker/root")" "$jail"
equal "the agent does not" "$(readlink "/proc/$agent/root")" /
equal "the master stays root" "$(of "$gw_pid" Uid | cut -f 1)" 0

# Beyond spool.memory, so that it goes through a file in the chroot.
gen -n 3 -s 100000 --to you@example.org "127.0.0.1:$port1"
equal "mail goes through, by way of the disk" "$(field ok "$gen_out")" 3
lacks "and nothing complains" "$(cat "$gw_log")" 'level=(warn|error)'

# Without root: the configuration of the installation, on another port.
port=$(free_port)
sed "s/\"0.0.0.0:2525\", \"\[::\]:2525\"/\"127.0.0.1:$port\"/
    s,/var/run/postern/,/root/none/," "$top/etc/postern.conf" >"$tmp/other.conf"
cp "$POSTERND" "$tmp/posternd"
chmod 755 "$tmp/posternd"
run other setpriv --reuid=nobody --regid="$gid" --clear-groups \
    "$tmp/posternd" -d -f "$tmp/other.conf"
check "not root: it starts" wait_until 10 grep -q 'posternd starts' "$tmp/other.log"
matches "and answers" "$(wire -Mwire -e '$wire::timeout = 10;
    my $c = wire->to("127.0.0.1:$ARGV[0]");
    $c->put("PROXY TCP4 192.0.2.7 192.0.2.1 4000 25\r\n");
    print $c->reply' "$port" 2>&1)" '^220 '
for what in 'user _postern' 'control /root/none/control.sock'; do
	matches "it says that it skips $what" "$(cat "$tmp/other.log")" \
	    "level=warn msg=\"not started by root: $what is skipped"
done
lacks "nothing is an error" "$(cat "$tmp/other.log")" 'level=error'
stop "$pid"

# What -n finds.
bad() { # NAME ERE SED-EXPRESSION
	sed "$3" "$gw_conf" >"$tmp/bad.conf"
	matches "$1" "$("$POSTERND" -n -f "$tmp/bad.conf" 2>&1)" "$2"
}
bad "-n: a chroot that is not there" 'no: No such file' \
    "s,$jail\",$jail/no\","
bad "-n: no spool directory inside" 'spool directory would be .*jail/tmp' \
    's,"/spool",/tmp,'
bad "-n: a log file" 'log file can not be opened again' \
    "s,^log .*,log { to = file path = \"$tmp/log\" },"
bad "-n: a chroot that is not absolute" 'not an absolute path' \
    "s,$jail,jail,"

# After a rotation nobody has the old log: it would fill the disk unseen.
mkdir -m 755 "$tmp/logs"
printf 'alice:%s\n' "$(perl -e 'print crypt("x", q($6$rounds=5000$abcdefgh$))')" \
    >"$tmp/users"
port=$(free_port)
cat >"$tmp/rotated.conf" <<END
hostname = mx.test
workers = 1
admin { control = "$tmp/ctl/control.sock" }
log { to = file  path = "$tmp/logs/log" }
auth-file people { users = {"file:$tmp/users"} }
listen mx { address = {"127.0.0.1:$port"}  auth = people  auth-plaintext = yes }
backend files { protocol = maildir  path = "$tmp/Maildir" }
route files { rcpt-domain = {"files.test"}  backend = files }
END
run rotated "$POSTERND" -d -f "$tmp/rotated.conf"
rotated_pid=$pid
must wait_until 10 grep -q 'posternd starts' "$tmp/logs/log"
must wait_until 10 "$BUILD/posternctl" -s "$tmp/ctl/control.sock" status
mv "$tmp/logs/log" "$tmp/logs/log.0"
holders() {
	for p in "$rotated_pid" $(kids "$rotated_pid"); do
		if find "/proc/$p/fd" -lname '*/logs/log.0' 2>/dev/null |
		    grep -q .; then
			title "$p"
		fi
	done
}
nobody_holds() { [ -z "$(holders)" ]; }
equal "before USR1 the master, for one, has the log" \
    "$(holders | grep -c '^posternd')" 1
kill -USR1 "$rotated_pid"
check "after USR1 nobody has the old log" wait_until 10 nobody_holds
stop "$rotated_pid"
finish
