"""The commands of shop_django.py, as a project's manage.py has them."""

import sys

import shop_django  # noqa: F401
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
