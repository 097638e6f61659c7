package redistest

import "testing"

func TestSentinels(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"", "secret"} {
		t.Run("password "+password, func(t *testing.T) {
			t.Parallel()
			set := StartSentinels(t, password, password)
			first := set.Master()
			if first != set.Servers[0] {
				t.Fatal("the first server is not the master")
			}
			first.Add("orders", "1-1", "x")
			if password == "" {
				set.Failover()
				return
			}
			Await(t, "the replicas' data", func() bool {
				return set.Servers[1].Do("XLEN", "orders") == int64(1) && set.Servers[2].Do("XLEN", "orders") == int64(1)
			})
			first.Kill()
			master := set.AwaitMaster(first)
			if n := master.Do("XLEN", "orders"); n != int64(1) {
				t.Error("the new master has", n, "entries")
			}
			first.Restart()
		})
	}
}
