#!/bin/sh
# install.sh: make install and make uninstall, as each system's packages do it.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

make=
for _m in gmake make; do
	if [ -z "$make" ] && $_m --version 2>/dev/null | grep -q GNU; then
		make=$_m
	fi
done
[ -n "$make" ] || {
	not_run install "no GNU make"
	finish
}

# target SYSTEM TARGET...: as if on it; without what an outer make hands down
target() {
	_system=$1
	shift
	_man=/usr/local/man
	case $_system in FreeBSD | Linux) _man=/usr/local/share/man ;; esac
	(cd "$top" && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS "$make" \
	    --no-print-directory OUT="$tmp/out" RCSYSTEM="$_system" \
	    MANDIR=$_man DESTDIR="$dest" INSTALL=install -o posternd -o posternctl "$@")
}
files() { (cd "$dest" && find . -type f | sed 's,^\.,,' | LC_ALL=C sort); }

# listed SYSTEM: what the skeleton of the port says, as full paths
# shellcheck disable=SC2016
listed() {
	case $1 in
	FreeBSD)
		sed -e 's/^@sample(.*) //; s/\.gz$//; s,^,/usr/local/,' \
		    "$top/etc/ports/freebsd/pkg-plist"
		echo /usr/local/etc/postern/postern.conf
		;;
	OpenBSD)
		# The configuration is made of the sample by pkg_add.
		sed -n -e 's,^@man ,,; s,^@bin ,,' \
		    -e 's,^@rcscript ${RCDIR},/etc/rc.d,' \
		    -e '/^@/d; /\/$/d; /^\//!s,^,/usr/local/,; p' \
		    "$top/etc/ports/openbsd/pkg/PLIST"
		echo /usr/local/etc/postern/postern.conf
		echo /usr/local/etc/postern/postern.conf.sample
		;;
	NetBSD)
		sed '/^@/d; s,^,/usr/local/,' "$top/etc/ports/pkgsrc/PLIST"
		echo /usr/local/etc/postern/postern.conf
		echo /usr/local/etc/postern/postern.conf.sample
		;;
	esac | LC_ALL=C sort
}

mkdir -p "$tmp/out"
cp "$POSTERND" "$tmp/out/posternd"
cp "$BUILD/posternctl" "$tmp/out/posternctl"
for system in FreeBSD OpenBSD NetBSD Linux; do
	dest=$tmp/$system
	check "$system: make install" target $system install
	if [ $system != Linux ]; then
		equal "$system: what the port lists is what is installed" \
		    "$(listed $system)" "$(files)"
	fi
	matches "$system: an rc script or a unit" "$(files)" \
	    '/rc\.d/postern$|/systemd/system/postern\.service$'
	lacks "$system: nothing is left to be filled in" \
	    "$(cat "$dest"/usr/local/etc/rc.d/postern "$dest"/etc/rc.d/postern \
	        "$dest"/usr/local/share/examples/rc.d/postern \
	        "$dest"/usr/local/lib/systemd/system/postern.service 2>/dev/null)" \
	    '@[A-Z]+@'

	conf=$dest/usr/local/etc/postern/postern.conf
	equal "$system: the configuration is not for everybody" \
	    "$(find "$conf" -perm 640)" "$conf"
	echo '# mine' >>"$conf"
	check "$system: make install again" target $system install
	check "$system: it leaves an existing configuration" grep -q mine "$conf"
	check "$system: make uninstall" target $system uninstall
	equal "$system: it leaves the changed configuration and nothing else" \
	    "$(files)" /usr/local/etc/postern/postern.conf
	target $system install >/dev/null 2>&1
	cp "$conf.sample" "$conf"
	target $system uninstall >/dev/null 2>&1
	equal "$system: an unchanged one goes, too" "$(files)" ""
done
finish
