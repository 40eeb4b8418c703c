import { signatureContract } from "../support/signature-contract.ts";

signatureContract({ samples: 10_000 });
