package redisbroker

import (
	"cmp"
	"context"
	"strings"

	"go.uber.org/zap"
)

// askAll asks each master of a cluster whether it notifies, having turned that on if it
// is to: the setting is each node's own, and one that was turned on is off again after a
// restart. They are on if they are on everywhere; a master that is away is left out.
func (n *notifier) askAll(ctx context.Context) (all setting, isNew bool, err error) {
	all, offAt := on, []string(nil)
	asked := 0
	for _, node := range n.broker.cluster.masters() {
		if node.state.Load() != up {
			continue
		}
		says, isNewHere, nodeErr := n.askNode(ctx, node)
		if nodeErr != nil {
			err = cmp.Or(err, nodeErr)
			continue
		}
		asked++
		isNew = isNew || isNewHere
		switch says {
		case off:
			all, offAt = off, append(offAt, node.where())
		case silent:
			if all != off {
				all = silent
			}
		}
	}
	if asked == 0 {
		return "", false, cmp.Or(err, errNodeAway)
	}
	if all == off && asked > len(offAt) {
		n.partial.Do(func(int) {
			n.broker.log().Warn("keyspace notifications are on at some masters of the cluster, and off at others: turn them on at all: notify-keyspace-events "+neededFlags,
				zap.String("off_at", strings.Join(offAt, " ")))
		})
	}
	return all, isNew, nil
}

// checkCluster finds out whether notifications are on at all masters of a cluster. What
// they do not say is not tried, as with one server: it would take an entry at each.
func (n *notifier) checkCluster() {
	ctx, cancel := context.WithTimeout(n.broker.ctx, answerTimeout)
	defer cancel()
	n.askMu.Lock()
	defer n.askMu.Unlock()
	says, isNew, err := n.ask(ctx)
	if err != nil || says == silent {
		return
	}
	if n.change(says, says == on) || isNew {
		n.interrupted() // nothing may have woken them for a while
	}
}
