# What an exec probe runs: it behaves as /srv/probed/kind says.
case $(cat /srv/probed/kind) in
    bad) echo "three of four disks"; exit 2 ;;
    hung) sleep 60 ;;
    slow) sleep 3 ;;
    reset) kill -KILL $$ ;;
    malformed) echo "Traceback (most recent call last)"; exit 0 ;;
esac
echo well
