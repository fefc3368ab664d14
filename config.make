cat << END                                                    >> $NGX_MAKEFILE

modules:	ngx_http_media_module

ngx_http_media_module:
	+cmake --build $NGX_OBJS/ngx_media --target ngx_http_media_module

.PHONY:	ngx_http_media_module
END
