package main

import "testing"

func TestSum(t *testing.T) {
	t.Parallel()
	if got := sum(10, 10); got != 100 {
		t.Fatal(got)
	}
}
