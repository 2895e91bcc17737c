from django.db import models


class Order(models.Model):
    tenant = models.TextField()
    text = models.TextField()

    class Meta:
        db_table = "orders"
