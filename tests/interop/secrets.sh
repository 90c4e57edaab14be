#!/bin/sh
# secrets.sh: which process has which secret in its memory, as docs/security.md
# says.  Looked for in /proc, which root alone may.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl openssl
if [ "$(id -u)" -ne 0 ] || [ "${POSTERN_NAMESPACE:-}" = user ] ||
    [ ! -r /proc/self/mem ]; then
	not_run secrets "this needs root and /proc"
	finish
fi

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout "$tmp/mx.key" -out "$tmp/mx.crt" -subj /CN=mx.test -days 2 \
    >"$tmp/openssl.log" 2>&1
# The private number, as libcrypto has it: the lowest octet first.
key=$(openssl pkey -in "$tmp/mx.key" -noout -text | perl -0777 -ne '
    /priv:\s*([0-9a-f:\s]+)pub:/ and ($_ = $1), s/[^0-9a-f]//g,
    print scalar reverse pack "H*", $_' | perl -0777 -ne 'print unpack "H*", $_')
equal "the key is found in its file" "$(printf %s "$key" | wc -c)" 64
hex() { printf %s "$1" | perl -0777 -ne 'print unpack "H*", $_'; }
# Nowhere in the configuration, which has only their files.
secret=backend-pass-$$-word
# shellcheck disable=SC2016 # a hash
hash='$6$rounds=5000$abcdefgh$'$$'ihTGW7e1rS8ClzQx9QGj4o5VyFkX0Zt4Zp3b'
printf %s "$secret" >"$tmp/secret"
echo "alice:$hash" >"$tmp/users"
chmod 600 "$tmp/secret" "$tmp/users"

must sink to
gateway secrets <<END
hostname = mx.test
workers = 1
admin { control = "$tmp/ctl/control.sock" }
tls mx { certificate = {"$tmp/mx.crt"}  key = {"$tmp/mx.key"} }
listen mx {
	address = {"127.0.0.1:@PORT1@"}  starttls = mx  auth = people
	auth-plaintext = yes
}
auth-file people { users = {"file:$tmp/users"} }
backend to {
	protocol = smtp
	server a { address = "127.0.0.1:$sink_port" }
	auth { user = "gateway"  secret-file = "$tmp/secret"  clear = yes }
	check { interval = 1h }
}
backend files { protocol = maildir  path = "$tmp/Maildir" }
route files { rcpt-domain = {"files.test"}  backend = files }
route all { rcpt-domain = {"example.org"}  backend = to }
END

# has PID HEX: is it in the memory of that process?
has() {
	perl -e '
	my ($pid, $hex) = @ARGV;
	my $what = pack "H*", $hex;
	open my $maps, "<", "/proc/$pid/maps" or die;
	open my $mem, "<:raw", "/proc/$pid/mem" or die;
	while (<$maps>) {
		my ($from, $to) = /^([0-9a-f]+)-([0-9a-f]+) rw/ or next;
		my $n = hex($to) - hex($from);
		next if /\[v/ || $n > 1 << 26;
		sysseek $mem, hex($from), 0 or next;
		sysread $mem, my $octets, $n or next;
		print("yes\n"), exit if index($octets, $what) >= 0;
	}
	print "no\n"' "$1" "$2"
}
# pid_of NAME: of the first child that has it
pid_of() {
	for _kid in $(kids "$gw_pid"); do
		if [ "$(ps -o comm= -p "$_kid")" = "postern-$1" ]; then
			echo "$_kid"
			return
		fi
	done
}
there() {
	for _p in worker admin agent checker; do
		[ -n "$(pid_of $_p)" ] || return 1
	done
}
check "all processes are there" wait_until 10 there

while read -r process want_key want_secret want_hash; do
	pid=$gw_pid
	[ "$process" = master ] || pid=$(pid_of "$process")
	equal "$process: the key of TLS is in its memory" \
	    "$(has "$pid" "$key")" "$want_key"
	equal "$process: the password of a backend" \
	    "$(has "$pid" "$(hex "$secret")")" "$want_secret"
	equal "$process: the hash of a user's password" \
	    "$(has "$pid" "$(hex "$hash")")" "$want_hash"
done <<END
master yes yes yes
worker yes yes no
admin no yes no
agent no no no
checker no no yes
END
finish
