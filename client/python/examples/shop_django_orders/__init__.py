"""The orders of shop_django.py: an application that knows nothing of tenants."""
