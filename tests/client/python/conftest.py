import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BIN = os.environ.get("CROFT_BIN", os.path.join(TOP, "build", "bin"))
sys.path[:0] = [os.path.join(os.path.dirname(BIN), "python"), os.path.join(TOP, "tests", "harness")]
