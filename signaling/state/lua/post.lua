-- Deliveries on their own.
deliver(A[1], A[2])
return 1
