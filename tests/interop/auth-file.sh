#!/bin/sh
# auth-file.sh: swaks authenticates by a file of users that only root can read;
# reloads, slow hashes, checkers that die.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need swaks perl openssl
authclient=$BUILD/tests/authclient

hash() { perl -e 'print crypt($ARGV[0], $ARGV[1])' "$1" "$2"; }
# shellcheck disable=SC2016 # a hash
case $(hash x '$6$rounds=5000$abc$') in
'$6$'*) ;;
*)
	not_run auth-file "crypt(3) has no SHA-512 here"
	finish
	;;
esac

users() {
	{
		echo "# name:hash"
		# shellcheck disable=SC2016
		echo "alice:$(hash "$1" '$6$rounds=5000$abcdefgh$'):more"
		# shellcheck disable=SC2016
		echo "slow:$(hash slow '$6$rounds=2000000$abcdefgh$')"
	} >"$tmp/users.new"
	chmod 600 "$tmp/users.new"
	mv "$tmp/users.new" "$tmp/users"
}
users first

must openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=gw.example.org \
    -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
limits   { auth-rate = "" }
tls own  { certificate = {"$tmp/cert.pem"}  key = {"$tmp/key.pem"} }
listen submission {
	address      = {"127.0.0.1:@PORT1@"}
	starttls     = own
	auth         = people
	require-auth = yes
}
listen clear {
	address        = {"127.0.0.1:@PORT2@"}
	starttls       = own
	auth           = people
	auth-plaintext = yes
}
auth-file people { users = {"file:$tmp/users"}  fail-delay = 100ms  timeout = 30s }
backend sink { protocol = discard }
route all { backend = sink  rcpt-domain = {"example.org"} }
END

# login MECHANISM PASSWORD
login() {
	swaks_to "$port1" --tls --auth "$1" --auth-user alice \
	    --auth-password "$2" --to bob@example.org
}

for mech in PLAIN LOGIN; do
	login $mech first
	equal "$mech" "$swaks_code" 0
	login $mech wrong
	matches "$mech: a wrong password" "$swaks_out" '^<~\* 535 5\.7\.8'
done
swaks_to "$port1" --tls --to bob@example.org
matches "mail without AUTH" "$swaks_out" '^<~\* 530 5\.7\.0'

# --- a hash takes its time, and nobody else's ---------------------------------------

"$authclient" -n 12 127.0.0.1 "$port2" PLAIN slow slow >"$tmp/slow.out" 2>&1 &
slow_pid=$!
beside() {
	swaks_to "$port2" --to bob@example.org
	[ "$swaks_code" -eq 0 ] && alive $slow_pid
}
check "mail passes while passwords are being compared" beside
wait $slow_pid
equal "and all of them are" "$(cat "$tmp/slow.out")" "235 12"

# --- reloads ----------------------------------------------------------------------------

reloads() { grep -c 'the configuration is changed' "$gw_log"; }
reloaded() { [ "$(reloads)" -gt "$before" ]; }
before=$(reloads)
users second
kill -HUP "$gw_pid"
check "HUP" wait_until 10 reloaded
login PLAIN second
equal "the new password" "$swaks_code" 0
login PLAIN first
matches "the old one is refused" "$swaks_out" '^<~\* 535 5\.7\.8'

echo "alice:in-clear" >"$tmp/users"
kill -HUP "$gw_pid"
check "a bad file is named, but not what is in it" wait_until 10 \
    grep -q 'users: entry 1 is not name:' "$gw_log"
login PLAIN second
equal "and the users of before stay" "$swaks_code" 0

# --- checkers ------------------------------------------------------------------------------

checkers() {
	for _p in $(kids "$gw_pid"); do
		ps -o comm= -o args= -p "$_p" | grep -q checker && echo "$_p"
	done
}
if [ -n "$(checkers)" ]; then
	for p in $(checkers); do
		kill -KILL "$p"
	done
	again() {
		login PLAIN second
		[ "$swaks_code" -eq 0 ]
	}
	check "killed checkers are started again" wait_until 20 again
else
	not_run "killed checkers" "ps does not tell which they are"
fi

# --- STARTTLS forgets -------------------------------------------------------------------------

if perl -MNet::SSLeay -e 1 2>/dev/null; then
	# shellcheck disable=SC2016 # perl's variables
	out=$(perl -MNet::SSLeay -MIO::Socket::INET -e '
		my ($to, $auth) = @ARGV;
		my $s = IO::Socket::INET->new(PeerAddr => $to) or die;
		my $ssl;
		sub hear {
			my $l = "";
			while ($l !~ /^(\d{3}) [^\n]*\n/m) {
				my $more;
				if ($ssl) { $more = Net::SSLeay::read($ssl); }
				else { sysread($s, $more, 4096); }
				die "closed" if !length $more;
				$l .= $more;
			}
			$l =~ /^(\d{3}) /m;
			return $1;
		}
		sub say_ {
			if ($ssl) { Net::SSLeay::write($ssl, "$_[0]\r\n"); }
			else { syswrite($s, "$_[0]\r\n"); }
			return hear();
		}
		hear();
		say_("EHLO c.example.net");
		print say_($auth), " ", say_($auth), " ";
		say_("STARTTLS");
		Net::SSLeay::initialize();
		$ssl = Net::SSLeay::new(Net::SSLeay::CTX_new());
		Net::SSLeay::set_fd($ssl, fileno($s));
		Net::SSLeay::connect($ssl) == 1 or die "handshake";
		say_("EHLO c.example.net");
		print say_($auth), "\n";
		say_("QUIT")' "127.0.0.1:$port2" \
	    "AUTH PLAIN AGFsaWNlAHNlY29uZA==" 2>&1)
	equal "a login in clear is forgotten behind STARTTLS" "$out" "235 503 235"
else
	not_run "STARTTLS behind AUTH" "no Net::SSLeay"
fi

# shellcheck disable=SC2016 # a hash
lacks "no password and no hash is in the log" "$(cat "$gw_log")" \
    'second|in-clear|\$6\$|AGFsaWNl'

stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
