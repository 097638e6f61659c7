package redisbroker

// A placed channel is received by the node that owns its slot.
type placed struct {
	wanted int // how often
	slot   uint16
	at     *node // nil: by none
	// isReceived: the node has said that it is subscribed to; or isDenied: that it will not
	// be.
	isReceived, isDenied bool
}

// unsubscribed tells the listener that channels are not received for now.
func (c *cluster) unsubscribed(names []string) {
	own := names[:0:0]
	for _, name := range names {
		if !c.broker.notifier.unsubscribed(name) {
			own = append(own, channelOf(name))
		}
	}
	c.broker.listener.Unsubscribed(own)
}

// listen wants a channel, which goes by a key; a channel of an app's as a sharded one,
// too, if there are any.
func (c *cluster) listen(name, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.want(name, key)
	if c.config.Sharded && name == key {
		c.want(shardedName(name), key)
	}
}

// want wants a channel. It is called with the lock held.
func (c *cluster) want(name, key string) {
	p := c.channels[name]
	if p == nil {
		p = &placed{slot: slotOf(key)}
		c.channels[name] = p
	}
	p.wanted++
	if p.at != nil {
		p.at.subscriptions.add(name)
		return
	}
	c.place(name, p)
}

func (c *cluster) forgetChannel(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unwant(name)
	c.unwant(shardedName(name))
}

// unwant takes want back. It is called with the lock held.
func (c *cluster) unwant(name string) {
	p := c.channels[name]
	if p == nil {
		return
	}
	if p.at != nil {
		p.at.subscriptions.remove(name)
	}
	if p.wanted--; p.wanted <= 0 {
		delete(c.channels, name)
	}
}

// isAt reports whether the channel is received by the node.
func (c *cluster) isAt(name string, n *node) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.channels[name]
	return p != nil && p.at == n
}

// received takes what was published. Of a channel that is to be received as a classic and
// as a sharded one, and is not yet as one of them, nothing is handed on: it would come
// before the word that something may be missing.
func (c *cluster) received(n *node, name, payload string) {
	c.telling.RLock()
	defer c.telling.RUnlock()
	c.mu.Lock()
	p := c.channels[name]
	isTaken := p != nil && p.at == n && c.isWhole(name)
	c.mu.Unlock()
	if isTaken {
		c.broker.received(name, payload)
	}
}

// subscribed takes that a node receives a channel.
func (c *cluster) subscribed(n *node, name string) {
	c.telling.RLock()
	defer c.telling.RUnlock()
	if !c.isAt(name, n) {
		return
	}
	c.mu.Lock()
	isFirst := len(c.receiving) == 0
	c.receiving[n] = true
	c.channels[name].isReceived, c.channels[name].isDenied = true, false
	isWhole := c.isWhole(name)
	c.mu.Unlock()
	if isFirst {
		c.broker.listener.Connected()
	}
	if isWhole {
		c.broker.subscribed(channelOf(name))
	}
}

// denied takes that a node denies a channel, of which the other half may be received.
func (c *cluster) denied(n *node, name string) {
	c.telling.RLock()
	defer c.telling.RUnlock()
	c.mu.Lock()
	p, other := c.channels[name], c.channels[otherHalf(name)]
	isOne := p != nil && p.at == n
	if isOne {
		p.isDenied = true
	}
	isWhole := isOne && other != nil && other.isReceived
	c.mu.Unlock()
	if isWhole {
		c.broker.subscribed(channelOf(name))
	}
}

// otherHalf is the name of a channel as a sharded one, or as a classic one.
func otherHalf(name string) string {
	if isSharded(name) {
		return channelOf(name)
	}
	return shardedName(name)
}

// isWhole reports whether all of a channel is subscribed to: as a classic and as a
// sharded one. It is called with the lock held.
func (c *cluster) isWhole(name string) bool {
	for _, half := range []string{name, otherHalf(name)} {
		if p := c.channels[half]; p != nil && !p.isReceived && !p.isDenied {
			return false
		}
	}
	return true
}

// disconnected takes that a node receives nothing any more.
func (c *cluster) disconnected(n *node) {
	c.telling.Lock()
	defer c.telling.Unlock()
	c.mu.Lock()
	wasReceiving := c.receiving[n]
	delete(c.receiving, n)
	isLast := wasReceiving && len(c.receiving) == 0
	var lost []string
	for name, p := range c.channels {
		if p.at == n {
			p.isReceived, p.isDenied = false, false
			lost = append(lost, name)
		}
	}
	c.mu.Unlock()
	if isLast {
		c.broker.listener.Disconnected()
	}
	c.unsubscribed(lost)
}
