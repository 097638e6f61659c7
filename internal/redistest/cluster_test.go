package redistest

import "testing"

func TestClusterFailover(t *testing.T) {
	t.Parallel()
	c := StartCluster(t, "secret")
	owner := c.Owner("orders")
	owner.Add("orders", "1-1", "x")
	owner = c.Failover(owner)
	if c.Owner("orders") != owner {
		t.Error("the replica does not own the channel")
	}
	old := owner
	Await(t, "a replica of the new master", func() bool { return c.ReplicaOf(old) != nil })
	old.Kill()
	owner = c.AwaitOwner("orders", old)
	c.AwaitOK()
	if n := owner.Do("XLEN", "orders"); n != int64(1) {
		t.Error("the new owner has", n, "entries")
	}
	old.Restart()
	Await(t, "the killed master as a replica", old.linked)
}

func TestClusterReshard(t *testing.T) {
	t.Parallel()
	c := StartCluster(t, "")
	from := c.Owner("orders")
	from.Add("orders", "1-1", "x")
	added := c.AddNode()
	c.MoveChannel("orders", added)
	if c.Owner("orders") != added || added.Do("XLEN", "orders") != int64(1) {
		t.Fatal("the channel has not moved")
	}
	c.Move(from, added, 20)
	if n := len(c.Masters()); n != 4 {
		t.Error(n, "masters")
	}
	c.Empty(added, from)
	c.Remove(added)
	if c.Owner("orders") != from || from.Do("XLEN", "orders") != int64(1) {
		t.Error("the channel has not come back")
	}
	c.AwaitOK()
}

func TestClusterFrozen(t *testing.T) {
	t.Parallel()
	c := StartCluster(t, "")
	owner := c.Owner("orders")
	owner.Freeze()
	c.AwaitOwner("orders", owner)
	owner.Thaw()
	Await(t, "the frozen master as a replica", owner.linked)
}

// A master that is cut off from the others is replaced, and comes back as a replica.
func TestClusterCutOff(t *testing.T) {
	t.Parallel()
	c := StartClusterWithBus(t, "secret")
	owner := c.Owner("orders")
	c.CutOff(owner)
	next := c.AwaitOwner("orders", owner)
	if own := owner.self(); own == nil || !own.master || !own.has(c.Slot("orders")) {
		t.Error("the one that is cut off knows that it is")
	}
	next.Add("orders", "1-1", "x")
	c.Rejoin(owner)
	Await(t, "the one that was cut off as a replica", owner.linked)
	c.AwaitOK()
}
