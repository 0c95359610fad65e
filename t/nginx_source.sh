#!/bin/bash
#
# Copyright (C) The ngx_signaling authors
#
# Gets the complete source of the distribution's nginx, which nginx-dev has
# only the headers of, and prints where it is.
#
#     t/nginx_source.sh BUILD_DIR
#
# Source packages need "deb-src" lines.  They go into a private list below
# BUILD_DIR, and so does all that apt keeps; nothing else is changed.

set -euo pipefail

dir=$(realpath -m "$1")/nginx-src
version=$(/usr/sbin/nginx -v 2>&1 | sed 's,.*nginx/\([0-9.]*\).*,\1,')
source=$dir/nginx-$version

if [ -e "$source/configure" ]; then
    echo "$source"
    exit
fi

rm -rf "$dir"
mkdir -p "$dir"/{sources,lists/partial,cache/archives/partial}
cd "$dir"

for list in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    if [ -e $list ]; then
        sed -e 's/^Types:.*/Types: deb-src/' -e 's/^deb /deb-src /' \
            $list > "sources/$(basename $list | sed 's/^sources\.list$/&.list/')"
    fi
done

options=(-qq -o Dir::Etc::sourceparts="$dir/sources"
         -o Dir::Etc::sourcelist=/dev/null -o Dir::State::lists="$dir/lists"
         -o Dir::Cache="$dir/cache" -o APT::Sandbox::User=)

echo "fetching the source package of nginx into $dir" >&2

apt-get "${options[@]}" update >&2

# The archive drops revisions, and may know some that it can not give.  Which
# one it is does not matter here: modules are bound to the version.

revisions=$(apt-cache "${options[@]}" showsrc nginx \
            | sed -n "s/^Version: \($version-\)/\1/p" | sort -rV)

for revision in $revisions; do
    if apt-get "${options[@]}" source --download-only "nginx=$revision" >&2
    then
        break
    fi
done

dpkg-source -q --no-check -x "nginx_$revision.dsc" "$source.new" >&2
rm -rf sources lists cache
mv "$source.new" "$source"

echo "$source"
