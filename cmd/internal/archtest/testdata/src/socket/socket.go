package socket

import (
	"net"
	"os/exec"
)

func mutants() error {
	_, err := net.Dial("tcp", "") // want `net.Dial`
	if err != nil {
		return err
	}
	cmd := exec.Command("ls") // want `os/exec.Command`
	return cmd.Run()
}
