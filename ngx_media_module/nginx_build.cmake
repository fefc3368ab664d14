# Finds the headers of the nginx that the module is for: MEDIA_NGINX_INCLUDES.
set(NGX_MEDIA_NGINX_SOURCE /usr/share/nginx/src CACHE PATH
  "nginx source tree (default: that of Debian's nginx-dev)")
set(NGX_MEDIA_NGINX_OBJS "" CACHE PATH
  "Build directory of a configured nginx; empty: configure the source tree here")

# nginx's configure writes a Makefile beside itself, so it runs in a shadow of
# the source tree.
function(media_configure_nginx shadow objs)
  if(NOT EXISTS ${NGX_MEDIA_NGINX_SOURCE}/configure)
    message(FATAL_ERROR "No nginx source in ${NGX_MEDIA_NGINX_SOURCE}: install nginx-dev, or set "
      "NGX_MEDIA_NGINX_SOURCE or NGX_MEDIA_NGINX_OBJS")
  endif()
  file(REMOVE_RECURSE ${shadow} ${objs})
  file(MAKE_DIRECTORY ${shadow})
  file(COPY ${NGX_MEDIA_NGINX_SOURCE}/auto ${NGX_MEDIA_NGINX_SOURCE}/configure
    DESTINATION ${shadow})
  file(CREATE_LINK ${NGX_MEDIA_NGINX_SOURCE}/src ${shadow}/src SYMBOLIC)
  execute_process(
    COMMAND bash -c [=[
      NGX_CONF_FLAGS=(--with-compat --with-threads --with-http_v2_module --with-http_ssl_module)
      [ ! -f "$1/conf_flags" ] || . "$1/conf_flags"
      ./configure "${NGX_CONF_FLAGS[@]}" --builddir="$2"]=]
      bash ${NGX_MEDIA_NGINX_SOURCE} ${objs}
    WORKING_DIRECTORY ${shadow}
    OUTPUT_FILE ${CMAKE_CURRENT_BINARY_DIR}/nginx-configure.log
    ERROR_FILE ${CMAKE_CURRENT_BINARY_DIR}/nginx-configure.log
    RESULT_VARIABLE failed)
  if(failed OR NOT EXISTS ${objs}/ngx_auto_config.h)
    file(REMOVE ${objs}/ngx_auto_config.h)
    message(FATAL_ERROR
      "nginx's configure failed: see ${CMAKE_CURRENT_BINARY_DIR}/nginx-configure.log")
  endif()
endfunction()

if(NGX_MEDIA_NGINX_OBJS)
  set(media_nginx_objs ${NGX_MEDIA_NGINX_OBJS})
else()
  set(media_nginx_objs ${CMAKE_CURRENT_BINARY_DIR}/nginx-objs)
  if(NOT EXISTS ${media_nginx_objs}/ngx_auto_config.h)
    message(STATUS "Configuring nginx headers from ${NGX_MEDIA_NGINX_SOURCE}")
    media_configure_nginx(${CMAKE_CURRENT_BINARY_DIR}/nginx-shadow ${media_nginx_objs})
  endif()
endif()

set(MEDIA_NGINX_INCLUDES ${media_nginx_objs})
foreach(folder core event event/modules event/quic os/unix http http/modules http/v2 http/v3)
  if(IS_DIRECTORY ${NGX_MEDIA_NGINX_SOURCE}/src/${folder})
    list(APPEND MEDIA_NGINX_INCLUDES ${NGX_MEDIA_NGINX_SOURCE}/src/${folder})
  endif()
endforeach()
