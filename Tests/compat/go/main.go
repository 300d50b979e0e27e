// Works through the standard library's ways into the kernel.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
)

func sum(workers, each int) int {
	var lock sync.Mutex
	var group sync.WaitGroup
	total := 0
	for worker := 0; worker < workers; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := 0; i < each; i++ {
				lock.Lock()
				total++
				lock.Unlock()
			}
			runtime.Gosched()
		}()
	}
	group.Wait()
	return total
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	fmt.Println("goroutines", sum(1000, 100))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "you asked for ", r.URL.Path)
	}))
	response, err := http.Get("http://" + listener.Addr().String() + "/page")
	check(err)
	body, _ := io.ReadAll(response.Body)
	fmt.Println("http", string(body))

	out, err := exec.Command("sh", "-c", "echo from a child").Output()
	check(err)
	fmt.Print("child ", string(out))
	err = exec.Command("sh", "-c", "exit 3").Run()
	fmt.Println("child", err)

	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGUSR1)
	check(syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	fmt.Println("signal", <-heard)

	check(os.MkdirAll("tree/a", 0o755))
	check(os.WriteFile("tree/a/file", []byte("content"), 0o644))
	entries, err := os.ReadDir("tree/a")
	check(err)
	fmt.Println("files", entries[0].Name())
	garbage := 0
	for i := 0; i < 100000; i++ {
		garbage += len(make([]byte, 1000))
	}
	runtime.GC()
	fmt.Println("garbage", garbage)
}
