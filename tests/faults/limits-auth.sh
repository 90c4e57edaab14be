#!/bin/sh
# limits-auth.sh: failed logins of a client network are counted over all workers:
# what one worker saw counts in the other, which then does not even look at the
# right password, and a reload changes nothing.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl

# shellcheck disable=SC2016 # a hash
hash=$(perl -e 'print crypt("secret", q($2b$04$abcdefghijklmnopqrstuu)) // ""')
# shellcheck disable=SC2016
case $hash in
'$2b$'*) ;;
*)
	not_run "failed logins over two workers" "crypt(3) has no bcrypt here"
	finish
	;;
esac
must gateway gw <<END2
hostname = "gw.example.org"
workers  = 2
limits { auth-rate = "4/1d"  auth-attempts = 10 }
listen in {
	address        = {"127.0.0.1:@PORT1@"}
	proxy-from     = {"127.0.0.1"}
	auth           = people
	auth-plaintext = yes
}
auth-file people { users = {"alice:$hash"}  fail-delay = 1ms }
backend sink { protocol = discard }
route sunk { rcpt-domain = {"example.org"}  backend = sink }
END2

workers() {
	for _p in $(kids "$gw_pid"); do
		ps -o comm= -o args= -p "$_p" | grep -q worker && echo "$_p"
	done
}
# shellcheck disable=SC2046 # words are wanted
set -- $(workers)
if [ $# != 2 ]; then
	not_run "failed logins over two workers" "ps does not tell which they are"
	stop "$gw_pid"
	finish
fi

good=AGFsaWNlAHNlY3JldA== bad=AGFsaWNlAHdyb25n
# try CLIENT PASSWORD...: the replies to AUTH in one session
try() {
	# shellcheck disable=SC2016 # perl's variables
	wire -Mwire -e '
		my ($to, $client, @words) = @ARGV;
		my $c = wire->to($to);
		$c->put("PROXY TCP4 $client 127.0.0.1 4711 25\r\n");
		$c->hello;
		my @codes;
		for my $w (@words) {
			$c->put("AUTH PLAIN $w\r\n");
			push @codes, substr($c->reply, 0, 3);
		}
		print "@codes\n"' "127.0.0.1:$port1" "$@" 2>&1
}

# The other one sleeps, so all connections are this one's.
kill -STOP "$2"
equal "one worker: two failures" "$(try 192.0.2.1 $bad $bad)" "535 535"
kill -CONT "$2"
kill -STOP "$1"
equal "the other one: the limit is 4 for both together, for any password" \
    "$(try 192.0.2.1 $bad $bad $bad $good)" "535 535 454 454"
equal "another client may log in" "$(try 192.0.2.2 $bad $good)" "535 235"
kill -CONT "$1"
kill -STOP "$2"
equal "the first one: the right password has to wait" \
    "$(try 192.0.2.1 $good)" 454
kill -CONT "$2"
matches "it is in the log" "$(cat "$gw_log")" \
    'client=192\.0\.2\.1 .*reply="454 4\.7\.0 too many failed logins'

kill -HUP "$gw_pid"
check "a reload" wait_until 20 grep -q 'configuration is changed' "$gw_log"
equal "and it still has to wait" "$(try 192.0.2.1 $good)" 454
equal "the other client still may" "$(try 192.0.2.2 $good)" 235

stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
