"""Runs ministack where its answers are AWS's in two places that the ports' suites look at.

- A transaction's 4 MB are those of its items. Ministack counts the request, in which bodies are
  base64: a third more. Our own check (store::port::check_writes) keeps to the items.
- A visibility can be changed while it lasts. Ministack also takes the receipt of a message that is
  visible again; AWS answers MessageNotInflight.
"""

import sys
import time

from ministack.app import main
from ministack.services import dynamodb, sqs

assert dynamodb._DDB_TXN_MAX_BYTES == 4 << 20, "another ministack: look at this again"
dynamodb._DDB_TXN_MAX_BYTES = 6 << 20

change_visibility = sqs._HANDLERS["ChangeMessageVisibility"]


def change_visibility_in_flight(data, url):
    receipt = data.get("ReceiptHandle")
    for message in sqs._get_q(data.get("QueueUrl", url), "sqs:ChangeMessageVisibility")["messages"]:
        if receipt and message["receipt_handle"] == receipt and message["visible_at"] <= time.time():
            raise sqs._Err("MessageNotInflight", "The specified message isn't in flight.")
    return change_visibility(data, url)


sqs._HANDLERS["ChangeMessageVisibility"] = change_visibility_in_flight

if __name__ == "__main__":
    sys.argv[1:] = []
    main()
