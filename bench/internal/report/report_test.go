package report

import (
	"strings"
	"testing"
)

func TestStormTable(t *testing.T) {
	naive := NewStormResult("naive", []Storm{{RedisCPU: 2, Calls: Calls{"xrange": 3000}}})
	h1 := NewStormResult("h1", []Storm{{RedisCPU: 1, P99: 7, Calls: Calls{"xrange": 2, "exec": 4}}, {RedisCPU: 2, P99: 9, Gaps: 1}, {RedisCPU: 3, P99: 8, Calls: Calls{"xrange": 4}}})
	var b strings.Builder
	if err := StormTable(&b, []StormResult{naive, h1}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2.000 (1.00×)", " 8.0 |", "- naive: Redis was called for 3000 XRANGE.", "- h1: Redis was called for 2 XRANGE.", "1 gaps were told of"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestTable(t *testing.T) {
	floor := NewResult(Floor, []Sample{{CPUPerDelivery: 9}, {CPUPerDelivery: 4}, {CPUPerDelivery: 1}})
	other := NewResult("h1", []Sample{{CPUPerDelivery: 5, Received: 9, Missing: 1}, {CPUPerDelivery: 7}})
	var b strings.Builder
	if err := Table(&b, []Result{floor, other}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"4.00 (1.00×)", "6.00 (1.50×)", "h1: 1 of 10 deliveries never came"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
