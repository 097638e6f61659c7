package report

import (
	"strings"
	"testing"
)

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
