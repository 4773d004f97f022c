package keyside

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const generatedFolder = "internal/gen"

func TestTheGeneratedStubsAreThoseOfTheContract(t *testing.T) {
	root := repository(t)
	buf := filepath.Join(root, "node_modules/.bin/buf")
	if _, err := os.Stat(buf); err != nil {
		t.Skipf("needs buf, which `npm ci` installs: %v", err)
	}
	fresh := t.TempDir()
	command := exec.CommandContext(t.Context(), buf, "generate", "--template", "clients/go/buf.gen.yaml", "--output", fresh)
	command.Dir = root
	if says, err := command.CombinedOutput(); err != nil {
		t.Fatalf("buf: %v\n%s", err, says)
	}
	want, got := filesIn(t, filepath.Join(fresh, "clients/go", generatedFolder)), filesIn(t, generatedFolder)
	if len(want) == 0 {
		t.Fatal("nothing was generated")
	}
	for name, content := range want {
		if !bytes.Equal(content, got[name]) {
			t.Errorf("%s is not what the contract generates: run `go generate`", name)
		}
	}
	for name := range got {
		if want[name] == nil {
			t.Errorf("%s is not generated any more: run `go generate`", name)
		}
	}
}

// repository is the folder of the whole project, where this module lies in it.
func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "proto/keyside/v1")); err != nil {
		t.Skipf("needs the repository of the daemon around this module: %v", err)
	}
	return root
}

func filesIn(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, folder)] = content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
