#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the embedding example on the example manifests: a yes and a no. Usage: run_embed.py PROGRAM"""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def ask(token):
    done = subprocess.run([sys.argv[1], str(ROOT / "examples/manifests")], input=token, capture_output=True, text=True, timeout=60)
    print(done.stdout, done.stderr)
    return done


good = ask("abcdef.0123456789abcdef")
bad = ask("abcdef.0123456789abcdee")
ok = good.returncode == 0 and "system:bootstrap:abcdef" in good.stdout and bad.returncode != 0 and "system:bootstrap" not in bad.stdout
sys.exit(0 if ok else 1)
