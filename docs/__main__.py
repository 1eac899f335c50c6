"""Writes what is generated from the code: schemas, AsyncAPI, pages of metrics and schemes. Run by `make docs`."""

from deploy import contracts_docs
from docs import metrics_table, schemes_page

if __name__ == "__main__":
    contracts_docs.write()
    metrics_table.PAGE.write_text(metrics_table.page(), encoding="utf-8")
    schemes_page.write()
