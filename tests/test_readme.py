import re
from pathlib import Path

from stoker.datasets import write_digits

README = Path(__file__).parents[1] / "README.md"


def test_the_python_lines_of_the_readme_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_digits(tmp_path, rows=3_000)
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.S)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["history"].history["val_accuracy"][-1] > 0.8
    assert "prediction" in capsys.readouterr().out
