//go:build reused

package main

import "github.com/fastly/compute-sdk-go/fsthttp"

func handOff(r *fsthttp.Request, backend string) {
	if err := r.HandoffFanout(backend); err != nil {
		panic(err)
	}
}

func main() {
	fsthttp.ServeMany(handle, &fsthttp.ServeManyOptions{})
}
