//go:build !reused

package main

import (
	"github.com/fastly/compute-sdk-go/fsthttp"
	"github.com/fastly/compute-sdk-go/x/exp/handoff"
)

func handOff(_ *fsthttp.Request, backend string) {
	if err := handoff.Fanout(backend); err != nil {
		panic(err)
	}
}

func main() {
	fsthttp.ServeFunc(handle)
}
