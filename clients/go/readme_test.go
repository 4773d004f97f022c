package keyside

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	readmeProgram = regexp.MustCompile("(?s)<!-- the test of this README runs this program -->\n```go\n(.*?)\n```\n")
	readmeOutput  = regexp.MustCompile("(?s)\n\\$ go run \\.\n(.*?)```\n")
)

func goCommand(t *testing.T, folder string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", arguments...)
	command.Dir = folder
	// What the go command says of its downloads is not the program's.
	var errs bytes.Buffer
	command.Stderr = &errs
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s%s", strings.Join(arguments, " "), err, out, errs.String())
	}
	return string(out)
}

func TestTheProgramOfTheReadmeDoesWhatItSays(t *testing.T) {
	if os.Getenv("KEYSIDE_INTEROP_PHASE") != "write" {
		t.Skip("needs a daemon: KEYSIDE_INTEROP_PHASE is not write")
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, output := readmeProgram.FindSubmatch(readme), readmeOutput.FindSubmatch(readme)
	if program == nil || output == nil {
		t.Fatal("the README has no program, or does not say what it prints")
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write(t, filepath.Join(folder, "main.go"), string(program[1]))
	write(t, filepath.Join(folder, "go.mod"), "module example\n\ngo 1.25.0\n")
	goCommand(t, folder, "mod", "edit", "-require", "keyside.dev/client@v0.0.0", "-replace", "keyside.dev/client="+here)
	goCommand(t, folder, "mod", "tidy")
	// How long an EDEK is depends on the key's name.
	number := regexp.MustCompile(`\d+ bytes`)
	got := number.ReplaceAllString(goCommand(t, folder, "run", "."), "N bytes")
	if want := number.ReplaceAllString(string(output[1]), "N bytes"); got != want {
		t.Errorf("it prints\n%s, the README says\n%s", got, want)
	}
}
