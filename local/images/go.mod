module stateful-service.local/images

go 1.26.0
