#!/bin/busybox sh
# The first process of the guest: has the host's files as its own, with all changes in memory, and runs the tests.
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /lower /upper /root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod "/modules/$module"; done
mount -t hostfs -o ro none /lower
mount -t tmpfs -o size=75% upper /upper
mkdir /upper/data /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work overlay /root
for place in proc sys dev; do mount --move "/$place" "/root/$place"; done
mkdir -p /root/dev/shm && mount -t tmpfs shm /root/dev/shm
ifconfig lo up
cp /guest.sh /root/guest.sh
chroot /root /bin/bash /guest.sh
echo "guest: exit status $?"
poweroff -f
