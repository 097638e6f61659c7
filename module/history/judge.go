package history

import "github.com/caddy-sse/caddy-sse/module/eventstream"

// take hands over what was read, after a gap if it cannot be known to come right
// after the last entry, and reports whether there is more to read.
func (c *channel) take(v view) (more bool) {
	switch {
	case !c.begun:
		c.begun = true
		c.startAt(v.info)
		c.follower.Begin(c.last)
		return false
	case v.info == nil:
		if !v.startsAt(c.last) {
			c.inDoubt = true
			return true
		}
		v.entries = v.entries[1:]
	default:
		if reason := c.missing(v.info); reason != "" {
			if c.rereads++; v.changed() && c.rereads <= maxRereads {
				return true
			}
			c.gap(reason, v)
		}
	}
	c.inDoubt, c.rereads = false, 0
	c.found(len(v.entries))
	c.hand(v.entries)
	return v.isFull
}

// maxRereads is how often a Redis stream that changed while it was read is read
// once more before it counts as a gap that something may be missing.
const maxRereads = 3

// startAt makes the newest entry that there ever was the last one.
func (c *channel) startAt(i *info) {
	c.last, c.wasThere, c.removed = i.top, i.topIsThere, i.removed()
}

// missing says why entries may be missing right after the last one, which the
// Redis stream no longer has, or never had; empty if none are.
func (c *channel) missing(i *info) eventstream.Reason {
	zero := eventstream.EntryID{}
	switch {
	case i.top.Compare(c.last) < 0:
		return eventstream.Reset
	case !c.inDoubt && !c.wasThere && i.removed() <= c.removed:
		return "" // it was empty, and all that was added since is there
	case i.maxDeleted.Compare(c.last) >= 0 && i.first != zero && i.first.Compare(c.last) < 0:
		return "" // the last one was deleted by itself: older ones are there
	case i.removed() == 0 && i.added >= 0:
		return eventstream.Reset // this is another life, all of which is there
	case i.first == zero || i.first.Compare(c.last) > 0:
		return eventstream.Trimmed
	}
	return eventstream.Reset
}

// gap tells the follower, and goes on right before the next entry.
func (c *channel) gap(reason eventstream.Reason, v view) {
	if c.startAt(v.info); v.before != nil {
		c.startAt(v.before) // an entry that came after it will be read
	}
	if len(v.entries) > 0 {
		c.last, c.wasThere = v.entries[0].ID.Before(), false
	}
	c.follower.Gap(reason, c.last)
}
