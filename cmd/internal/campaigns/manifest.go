package campaigns

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/joinery-go/joinery/cmd/internal/command"
)

// job is the manifest of an indexed job. Its names are a JSON string each, which is a YAML
// string too.
//
// A pod that ends with 1, 2 or 130 has said what it had to say: its index is not run again.
// One that was killed for want of memory, or whose node went away, does not count: another
// begins, and the campaign itself abandons a seed that kills each. Anything else is tried a
// few times.
const job = `apiVersion: batch/v1
kind: Job
metadata:
  name: %[1]s
spec:
  completionMode: Indexed
  completions: %[2]d
  parallelism: %[2]d
  backoffLimitPerIndex: 5
  maxFailedIndexes: %[2]d
  podFailurePolicy:
    rules:
      - action: Ignore
        onPodConditions:
          - type: DisruptionTarget
      - action: Ignore
        onExitCodes:
          operator: In
          values: [137]
      - action: FailIndex
        onExitCodes:
          operator: In
          values: [1, 2, 130]
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: worker
          image: %[3]s
          args:
%[4]s          env:
            - name: POD_NAME
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
          resources:
            requests:
              cpu: "1"
              memory: %[5]s
            limits:
              memory: %[5]s
`

// notOfJob are the flags that the workers of a job are not given.
var notOfJob = map[string]bool{"kubernetes": true, "image": true, "memory": true, "worker": true, "tapes": true, "export-seeds": true}

var quantity = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$`)

// manifest prints the job that runs so many workers with the flags that were given. A pod's
// name is its worker's: no two have one.
func (h *Host) manifest(f *flags) error {
	switch {
	case f.image == "":
		return command.Usagef("campaign: --kubernetes %d: --image is needed, that of the workers", f.kubernetes)
	case !strings.HasPrefix(f.bucket, "s3://"):
		return command.Usagef("campaign: --kubernetes %d: pods share no folder %s: want s3://BUCKET/PREFIX", f.kubernetes, command.ShellWord(f.bucket))
	}
	args := []string{"campaign", "--worker", "$(POD_NAME)"}
	f.given.Visit(func(given *pflag.Flag) {
		if !notOfJob[given.Name] {
			args = append(args, "--"+given.Name+"="+escaped(given.Value.String()))
		}
	})
	if commit := revision(); commit != "" && !f.given.Changed("commit") {
		args = append(args, "--commit="+escaped(commit))
	}
	var lines strings.Builder
	for _, arg := range args {
		fmt.Fprintf(&lines, "            - %s\n", quoted(arg))
	}
	h.printf(job, quoted(h.Name+"-campaign"), f.kubernetes, quoted(f.image), lines.String(), quoted(f.memory))
	return nil
}

// escaped is an argument in which nothing is a reference to a variable.
func escaped(text string) string { return strings.ReplaceAll(text, "$(", "$$(") }

// quoted is a text as a JSON string.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		return `""` // no string is refused
	}
	return string(b)
}
