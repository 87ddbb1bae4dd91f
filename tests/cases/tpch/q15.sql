with revenue as (
    select l_suppkey as supplier_no, sum(l_extendedprice * (1 - l_discount)) as total_revenue
    from SF.lineitem
    where l_shipdate >= date '1996-01-01' and l_shipdate < date '1996-01-01' + interval '3' month
    group by l_suppkey)
select s_suppkey, s_name, s_address, s_phone, round(total_revenue, 2) as total_revenue
from SF.supplier, revenue
where s_suppkey = supplier_no and round(total_revenue, 2) = (select max(round(total_revenue, 2)) from revenue)
order by s_suppkey
