package sse

import (
	"reflect"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// Settings that lead to another server, or in another way, are of another gateway;
// those that only look different are of the same one.
func TestFingerprint(t *testing.T) {
	t.Setenv("SSE_TEST_DB", "0")
	t.Setenv("SSE_TEST_PASSWORD", "first")
	t.Setenv("SSE_TEST_SENTINELS", "a:1, b:2")
	sentinel := func(addresses ...string) *RedisSentinel {
		return &RedisSentinel{Master: "mymaster", Addresses: addresses}
	}
	of := func(r Redis) string {
		t.Helper()
		settings, err := r.settings(caddy.NewReplacer())
		if err != nil {
			t.Fatal(err)
		}
		return r.fingerprint(settings)
	}
	for name, test := range map[string]struct {
		a, b   Redis
		isSame bool
	}{
		"nothing":              {Redis{}, Redis{}, true},
		"another address":      {Redis{}, Redis{Address: "redis:6379"}, false},
		"another database":     {Redis{}, Redis{DB: "1"}, false},
		"a database by name":   {Redis{}, Redis{DB: "{env.SSE_TEST_DB}"}, true},
		"another name":         {Redis{}, Redis{ClientName: "sse"}, false},
		"the same name":        {Redis{}, Redis{ClientName: "caddy-sse"}, true},
		"another timeout":      {Redis{}, Redis{DialTimeout: caddy.Duration(1e9)}, false},
		"another user":         {Redis{}, Redis{Username: "gateway"}, false},
		"another password":     {Redis{Password: "a"}, Redis{Password: "b"}, false},
		"notifications":        {Redis{}, Redis{KeyspaceNotifications: true}, false},
		"TLS":                  {Redis{}, Redis{TLS: &RedisTLS{}}, false},
		"another name in TLS":  {Redis{TLS: &RedisTLS{}}, Redis{TLS: &RedisTLS{ServerName: "redis"}}, false},
		"sentinels":            {Redis{}, Redis{Sentinel: sentinel("a:1")}, false},
		"the same sentinels":   {Redis{Sentinel: sentinel("a:1", "b:2")}, Redis{Sentinel: sentinel("{env.SSE_TEST_SENTINELS}")}, true},
		"another sentinel":     {Redis{Sentinel: sentinel("a:1")}, Redis{Sentinel: sentinel("b:2")}, false},
		"a cluster":            {Redis{}, Redis{Cluster: &RedisCluster{Addresses: []string{"a:1"}}}, false},
		"another node":         {Redis{Cluster: &RedisCluster{Addresses: []string{"a:1"}}}, Redis{Cluster: &RedisCluster{Addresses: []string{"b:1"}}}, false},
		"sharded":              {Redis{Cluster: &RedisCluster{Addresses: []string{"a:1"}}}, Redis{Cluster: &RedisCluster{Addresses: []string{"a:1"}, Sharded: true}}, false},
		"the same nodes":       {Redis{Cluster: &RedisCluster{Addresses: []string{"a:1", "b:2"}}}, Redis{Cluster: &RedisCluster{Addresses: []string{"{env.SSE_TEST_SENTINELS}"}}}, true},
		"embedded":             {Redis{Address: "127.0.0.1:6379"}, Redis{Embedded: "127.0.0.1:6379"}, false},
		"embedded, which asks": {Redis{Embedded: "127.0.0.1:6379"}, Redis{Embedded: "127.0.0.1:6379", KeyspaceNotifications: true}, true},
	} {
		if isSame := of(test.a) == of(test.b); isSame != test.isSame {
			t.Errorf("%s: it is the same gateway: %t", name, isSame)
		}
	}

	rotated := Redis{Password: "{env.SSE_TEST_PASSWORD}"}
	before := of(rotated)
	t.Setenv("SSE_TEST_PASSWORD", "second")
	if of(rotated) != before {
		t.Error("a secret that was rotated makes another gateway")
	}
}

// A setting that somebody adds counts, unless the test above says otherwise.
func TestFingerprintForgetsNothing(t *testing.T) {
	t.Parallel()
	settings, err := new(Redis).settings(caddy.NewReplacer())
	if err != nil {
		t.Fatal(err)
	}
	resolved := map[string]bool{"DB": true, "ClientName": true, "DialTimeout": true, "KeyspaceNotifications": true}
	none := new(Redis).fingerprint(settings)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Redis]()) {
		r := new(Redis)
		switch v := reflect.ValueOf(r).Elem().FieldByIndex(field.Index); v.Kind() {
		case reflect.String:
			v.SetString("1")
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int64:
			v.SetInt(1)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		default:
			t.Fatalf("no value for %s", field.Name)
		}
		if counts := r.fingerprint(settings) != none; counts == resolved[field.Name] {
			t.Errorf("%s as it is written counts: %t", field.Name, counts)
		}
	}
}
