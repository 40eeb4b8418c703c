import { signatureContract } from "../support/signature-contract.ts";

// A glance on Node; the long run is in signature.workers.test.ts, on the WebCrypto that is deployed.
signatureContract({ samples: 1_000 });
